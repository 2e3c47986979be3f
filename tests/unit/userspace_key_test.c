// SPDX-License-Identifier: GPL-2.0
/*
 * Identity keys of userspace/lib/key.c, in a directory of their own. OpenSSL's
 * command is the independent witness for the pin; without it that test is
 * skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tnl.h"

static char dir[] = "/tmp/tunnel-key-test-XXXXXX";
static char path[512];

static char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int empty_dir(void **state)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	(void)state;
	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			in_dir(e->d_name);
			if (unlink(path) < 0)
				rmdir(path);
		}
	closedir(d);
	return 0;
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	empty_dir(state);
	return rmdir(dir);
}

/* --------------------------------------------------------------------------- */

static void generate(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN], again[TUNNEL_PIN_LEN], other[TUNNEL_PIN_LEN];
	char err[1024] = "";
	struct stat st;
	mode_t mask;

	(void)state;
	/* the mode must not depend on the umask */
	mask = umask(0);
	assert_int_equal(tnl_key_generate(in_dir("a"), pin, err, sizeof(err)), 0);
	umask(0777);
	assert_int_equal(tnl_key_generate(in_dir("b"), other, err, sizeof(err)), 0);
	umask(mask);
	assert_string_equal(err, "");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(in_dir("b"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);

	assert_memory_not_equal(pin, other, sizeof(pin));
	assert_int_equal(tnl_key_pin(in_dir("a"), again, err, sizeof(err)), 0);
	assert_memory_equal(pin, again, sizeof(pin));
}

static void never_over_a_file(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024], text[16] = "";
	int fd;

	(void)state;
	write_file("taken", "precious", 0600);
	assert_int_equal(tnl_key_generate(in_dir("taken"), pin, err, sizeof(err)), -EEXIST);
	assert_non_null(strstr(err, path));
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 8);
	close(fd);
	assert_string_equal(text, "precious");

	/* nor through a symbolic link, dangling or not */
	assert_int_equal(symlink("nowhere", in_dir("link")), 0);
	assert_int_equal(tnl_key_generate(in_dir("link"), pin, err, sizeof(err)), -EEXIST);
	assert_int_equal(access(in_dir("nowhere"), F_OK), -1);
	assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
	assert_int_equal(tnl_key_generate(in_dir("sub"), pin, err, sizeof(err)), -EEXIST);
}

static void nothing_half_done(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	struct rlimit old, small;
	char err[1024] = "";
	int ret;

	(void)state;
	assert_int_equal(tnl_key_generate(in_dir("no/such/dir"), pin, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, path));

	/* a disk that fills up after 100 bytes */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ret = tnl_key_generate(in_dir("partial"), pin, err, sizeof(err));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, -EFBIG);
	assert_non_null(strstr(err, path));
	assert_int_equal(access(path, F_OK), -1);
}

static void pin_as_openssl_says(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char command[1024], line[128] = "", hex[2 * TUNNEL_PIN_LEN + 1], err[1024];
	FILE *f;

	(void)state;
	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	assert_int_equal(tnl_key_generate(in_dir("key"), pin, err, sizeof(err)), 0);
	tnl_format_pin(pin, hex);
	snprintf(command, sizeof(command), "openssl pkey -in '%s' -pubout -outform der | sha256sum",
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(pclose(f), 0);
	line[64] = '\0';
	assert_string_equal(line, hex);

	/* and the other way round, in the format OpenSSL writes by default */
	snprintf(command, sizeof(command),
		 "umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out '%s' 2>/dev/null",
		 in_dir("pkcs8"));
	assert_int_equal(system(command), 0);
	assert_int_equal(tnl_key_pin(path, pin, err, sizeof(err)), 0);
	tnl_format_pin(pin, hex);
	snprintf(command, sizeof(command), "openssl pkey -in '%s' -pubout -outform der | sha256sum",
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(pclose(f), 0);
	line[64] = '\0';
	assert_string_equal(line, hex);
}

static void other_kinds_refused(void **state)
{
	static const char *const kinds[] = {
		"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
		"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
		"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
		"genpkey -algorithm ED25519",
	};
	uint8_t pin[TUNNEL_PIN_LEN];
	char command[1024], err[1024];
	size_t i;

	(void)state;
	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(command, sizeof(command), "umask 077; openssl %s -out '%s' 2>/dev/null",
			 kinds[i], in_dir("key"));
		assert_int_equal(system(command), 0);
		err[0] = '\0';
		assert_int_equal(tnl_key_pin(path, pin, err, sizeof(err)), -EINVAL);
		assert_non_null(strstr(err, path));
	}
}

static void permissions(void **state)
{
	static const mode_t refused[] = { 0644, 0640, 0604, 0660, 0620, 0601, 0610, 0666 };
	static const mode_t fine[] = { 0600, 0400, 0700 };
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024], way_out[600];
	size_t i;

	(void)state;
	assert_int_equal(tnl_key_generate(in_dir("key"), pin, err, sizeof(err)), 0);
	snprintf(way_out, sizeof(way_out), "chmod 600 %s", path);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(chmod(path, refused[i]), 0);
		err[0] = '\0';
		assert_int_equal(tnl_key_pin(path, pin, err, sizeof(err)), -EPERM);
		assert_non_null(strstr(err, way_out));
	}
	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		assert_int_equal(chmod(path, fine[i]), 0);
		assert_int_equal(tnl_key_pin(path, pin, err, sizeof(err)), 0);
	}
}

static void not_a_key(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024], *big;

	(void)state;
	assert_int_equal(tnl_key_pin(in_dir("absent"), pin, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, path));

	write_file("empty", "", 0600);
	assert_int_equal(tnl_key_pin(in_dir("empty"), pin, err, sizeof(err)), -EINVAL);
	write_file("garbage", "this is no key\n", 0600);
	assert_int_equal(tnl_key_pin(in_dir("garbage"), pin, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, path));
	write_file("torn",
		   "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA==\n-----END EC PRIVATE KEY-----\n",
		   0600);
	assert_int_equal(tnl_key_pin(in_dir("torn"), pin, err, sizeof(err)), -EINVAL);

	big = malloc(100001);
	assert_non_null(big);
	memset(big, 'A', 100000);
	big[100000] = '\0';
	write_file("big", big, 0600);
	free(big);
	assert_int_equal(tnl_key_pin(in_dir("big"), pin, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "large"));
}

static void not_a_regular_file(void **state)
{
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024];

	(void)state;
	assert_int_equal(tnl_key_pin(dir, pin, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "not a regular file"));
	/* must not wait for a writer */
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(tnl_key_pin(path, pin, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "not a regular file"));
	assert_int_equal(tnl_key_pin("/dev/null", pin, err, sizeof(err)), -EINVAL);
}

/* A public half that belongs to another key would fail only in the handshake. */
static void halves_that_do_not_fit(void **state)
{
	static const char torn[] =
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MHcCAQEEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBoAoGCCqGSM49\n"
		"AwEHoUQDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/\n"
		"m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
		"-----END EC PRIVATE KEY-----\n";
	uint8_t pin[TUNNEL_PIN_LEN];
	char err[1024];

	(void)state;
	write_file("mixed", torn, 0600);
	assert_int_equal(tnl_key_pin(in_dir("mixed"), pin, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "damaged"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(generate, empty_dir),
		cmocka_unit_test_teardown(never_over_a_file, empty_dir),
		cmocka_unit_test_teardown(nothing_half_done, empty_dir),
		cmocka_unit_test_teardown(pin_as_openssl_says, empty_dir),
		cmocka_unit_test_teardown(other_kinds_refused, empty_dir),
		cmocka_unit_test_teardown(permissions, empty_dir),
		cmocka_unit_test_teardown(not_a_key, empty_dir),
		cmocka_unit_test_teardown(not_a_regular_file, empty_dir),
		cmocka_unit_test_teardown(halves_that_do_not_fit, empty_dir),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
