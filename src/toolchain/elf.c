/* Reads the header and the program headers of 32 and 64 bit files of this machine's byte order
 * (others cannot run here). Every offset is only handed to pread, so a damaged file reads short. */
#include "toolchain/elf.h"

#include "base/err.h"
#include "base/mem.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum {
	HEADERS_LIMIT = 128
};

struct segments {
	uint64_t at;
	unsigned n, size;
};

static int segments_find(int fd, const unsigned char *ident, struct segments *s)
{
	Elf64_Ehdr h64;
	Elf32_Ehdr h32;

	if (ident[EI_CLASS] == ELFCLASS64) {
		if (pread(fd, &h64, sizeof h64, 0) != sizeof h64)
			return -1;
		*s = (struct segments){h64.e_phoff, h64.e_phnum, h64.e_phentsize};
		return s->size < sizeof(Elf64_Phdr) ? -1 : 0;
	}
	if (ident[EI_CLASS] != ELFCLASS32 || pread(fd, &h32, sizeof h32, 0) != sizeof h32)
		return -1;
	*s = (struct segments){h32.e_phoff, h32.e_phnum, h32.e_phentsize};
	return s->size < sizeof(Elf32_Phdr) ? -1 : 0;
}

/* 1: the I-th is the interpreter's name, at *AT with *N bytes; 0: another; -1: unreadable. */
static int segment_interp(int fd, bool wide, const struct segments *s, unsigned i,
			  uint64_t *at, uint64_t *n)
{
	off_t where = (off_t)(s->at + (uint64_t)i * s->size);
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (wide) {
		if (pread(fd, &p64, sizeof p64, where) != sizeof p64)
			return -1;
		*at = p64.p_offset;
		*n = p64.p_filesz;
		return p64.p_type == PT_INTERP;
	}
	if (pread(fd, &p32, sizeof p32, where) != sizeof p32)
		return -1;
	*at = p32.p_offset;
	*n = p32.p_filesz;
	return p32.p_type == PT_INTERP;
}

int elf_interpreter(const char *path, char *interpreter, size_t room, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	unsigned char ident[EI_NIDENT];
	struct segments s;

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (pread(fd, ident, sizeof ident, 0) != sizeof ident ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0 || segments_find(fd, ident, &s))
		return err_set(e, ENOEXEC, "%s is not an ELF program (a script?)", path);
	for (unsigned i = 0; i < s.n && i < HEADERS_LIMIT; i++) {
		uint64_t at, n;
		int found =
		    segment_interp(fd, ident[EI_CLASS] == ELFCLASS64, &s, i, &at, &n);

		if (found < 0)
			return err_set(e, ENOEXEC, "%s is damaged: segment %u", path, i);
		if (!found)
			continue;
		if (n < 2 || n > room ||
		    pread(fd, interpreter, n, (off_t)at) != (ssize_t)n ||
		    interpreter[0] != '/' || interpreter[n - 1] != 0)
			return err_set(e, ENOEXEC, "%s is damaged: its interpreter", path);
		return 1;
	}
	return 0;
}
