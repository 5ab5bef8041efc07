#include "worker/parcel.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

void parcel_send(int socket, const void *p, size_t n, int fd)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	union room control = {0};

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	while (sendmsg(socket, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

long parcel_receive(int socket, void *p, size_t n, int flags, int *fd)
{
	struct iovec part = {.iov_base = p, .iov_len = n};
	union room control;
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof control.bytes};
	ssize_t got;

	*fd = -1;
	while ((got = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(c), sizeof *fd);
	return got;
}
