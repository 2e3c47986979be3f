/* SPDX-License-Identifier: GPL-2.0 */
/* Files in PEM: read as a whole, with bounds, and known again when they have changed. */
#ifndef TUNNELD_PEM_H
#define TUNNELD_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/** struct pem - a file's text; for pem_free() */
struct pem {
	struct stat st; /* of the file that was read */
	uint8_t *text;	/* ends with a zero */
	size_t len;	/* with it, as mbedTLS wants it */
};

/** enum pem_care - who but root, and who we are, may do what with a file */
enum pem_care {
	PEM_PUBLIC,  /* whatever */
	PEM_TRUSTED, /* nobody may change it: it says who is let in */
	PEM_SECRET,  /* nobody may read or change it */
};

/**
 * pem_read - read all of a file
 * @what: what it is to be, for the sentences: "key"
 * @most: bytes
 * @care: who may do what with it; a file of another kind is refused
 * Return: 0, or -errno with a sentence in @err and nothing to free.
 */
int pem_read(struct pem *pem, const char *what, const char *path, size_t most, enum pem_care care,
	     char *err, size_t errlen);

/** pem_free - wipe it. Also of one that was never read, if it is all zero. */
void pem_free(struct pem *pem);

/** pem_is_same - is @path still the file that had @st, and still as it must be? */
bool pem_is_same(const char *path, const struct stat *st);

/**
 * pem_trace - a number that is another one when the file at @path is another one, or has changed
 * @before: of other files, or 0
 * Return: not 0.
 */
uint64_t pem_trace(const char *path, uint64_t before);

#endif /* TUNNELD_PEM_H */
