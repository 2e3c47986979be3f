// SPDX-License-Identifier: GPL-2.0
/*
 * What kind of program a file is: elf(5), ld.so(8).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "program.h"

#ifdef __aarch64__
#define OUR_MACHINE EM_AARCH64
#elif defined(__riscv)
#define OUR_MACHINE EM_RISCV
#else
#define OUR_MACHINE EM_X86_64
#endif

/* Scripts whose interpreter is a script: the kernel follows as many. */
#define SCRIPTS_MAX 5

int program_find(const char *command, char *path, size_t len)
{
	const char *dirs = getenv("PATH"), *end;
	int err = -ENOENT;
	struct stat st;

	if (strchr(command, '/'))
		return snprintf(path, len, "%s", command) < (int)len ? 0 : -ENAMETOOLONG;
	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;; dirs = end + 1) {
		end = strchrnul(dirs, ':');
		if (snprintf(path, len, "%.*s%s%s", (int)(end - dirs), dirs, end > dirs ? "/" : "",
			     command) < (int)len) {
			if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
				return 0;
			if (errno == EACCES)
				err = -EACCES;
		}
		if (!*end)
			return err;
	}
}

/* A program in Go makes system calls itself, also when it is dynamic. */
static bool is_go_note(const unsigned char *note, size_t len)
{
	Elf64_Nhdr head;

	if (len < sizeof(head) + 4)
		return false;
	memcpy(&head, note, sizeof(head));
	return head.n_namesz == 4 && !memcmp(note + sizeof(head), "Go\0", 4);
}

static const char *check_segments(int fd, const Elf64_Ehdr *head)
{
	bool interpreter = false, go = false;
	unsigned char note[64];
	Elf64_Phdr segment;
	int i;

	for (i = 0; i < head->e_phnum; i++) {
		off_t at = head->e_phoff + (off_t)i * sizeof(segment);

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return "is damaged";
		if (segment.p_type == PT_INTERP)
			interpreter = true;
		if (segment.p_type == PT_NOTE) {
			ssize_t n = pread(fd, note, sizeof(note), segment.p_offset);

			go |= n > 0 && is_go_note(note, n);
		}
	}
	if (!interpreter)
		return "is static, so that no library can be loaded before its own: use a listener (tunnelctl listener add)";
	if (go)
		return "is written in Go and connects without the C library: use a listener (tunnelctl listener add)";
	return NULL;
}

/* ld.so ignores preload libraries of programs with rights that their caller lacks. */
static const char *check_rights(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return "cannot be looked at";
	if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	    ((st.st_mode & S_ISGID) && st.st_gid != getegid()) ||
	    (geteuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0))
		return "runs with the rights of another user, so that no library can be loaded before its own: use a listener (tunnelctl listener add)";
	return NULL;
}

/* "#!INTERPRETER [ARG]": @path becomes the interpreter. */
static bool next_script(char *path, size_t len, char *line)
{
	char *name = line + 2;

	name += strspn(name, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	return *name && snprintf(path, len, "%s", name) < (int)len;
}

static const char *check_file(int fd, char *path, size_t len, bool *script)
{
	union {
		Elf64_Ehdr elf;
		char text[256];
	} head = { 0 };
	ssize_t n = pread(fd, &head, sizeof(head) - 1, 0);

	if (n > 2 && !memcmp(&head, "#!", 2) && next_script(path, len, head.text)) {
		*script = true;
		return NULL;
	}
	if (n < (ssize_t)sizeof(head.elf) || memcmp(&head, ELFMAG, SELFMAG))
		return "is no program that the kernel runs itself (a script begins with #!)";
	if (head.elf.e_ident[EI_CLASS] != ELFCLASS64 || head.elf.e_machine != OUR_MACHINE ||
	    head.elf.e_phentsize != sizeof(Elf64_Phdr))
		return "is for another kind of processor than the preload library";
	return check_segments(fd, &head.elf);
}

const char *program_check(const char *path)
{
	char at[PATH_MAX];
	int scripts;

	if (snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return "has too long a path";
	for (scripts = 0; scripts <= SCRIPTS_MAX; scripts++) {
		bool script = false;
		const char *why;
		int fd = open(at, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return "cannot be read, so that nobody knows whether a library can be loaded before its own";
		why = check_rights(fd);
		if (!why)
			why = check_file(fd, at, sizeof(at), &script);
		close(fd);
		if (why || !script)
			return why;
	}
	return "is a script of a script of a script";
}
