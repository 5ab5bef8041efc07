/* Any bytes as a program: it is none, or it names a loader that fits its room. */
#include "toolchain/elf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[64], interpreter[64];
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	memset(interpreter, 'x', sizeof interpreter);
	if (elf_interpreter(path, interpreter, sizeof interpreter, NULL) == 1)
		assert(memchr(interpreter, 0, sizeof interpreter));
	close(fd);
	return 0;
}
