/* without CALL... -- COMMAND...: as on a kernel that has not these system calls. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
    {"clone3",   __NR_clone3                 },
    {"landlock", __NR_landlock_create_ruleset},
};

int main(int argc, char **argv)
{
	int i = 1;

	(void)argc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 1;
	for (; argv[i] && strcmp(argv[i], "--") != 0; i++)
		for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
			struct sock_filter code[] = {
			    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
				     offsetof(struct seccomp_data, nr)),
			    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[k].number, 0, 1),
			    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
			    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
			};
			struct sock_fprog prog = {sizeof code / sizeof *code, code};

			if (strcmp(calls[k].name, argv[i]) == 0 &&
			    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
				return 1;
		}
	if (!argv[i] || !argv[i + 1])
		return 2;
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
