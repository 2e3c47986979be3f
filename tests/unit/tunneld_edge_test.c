// SPDX-License-Identifier: GPL-2.0
/* TLS of listeners and to services: which certificate is shown, which is taken, and files that change. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "certs.h"
#include "crypto.h"
#include "tls.h"
#include "trust.h"

static char dir[] = "/tmp/tunnel-edge.XXXXXX";
static char err[512];

/* The name of a file in the test's folder; one of some. */
static const char *in_dir(const char *name)
{
	static char path[8][128];
	static unsigned int turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* A certificate NAME.pem with its key NAME.key, signed by CA, itself if it is one. */
static const char script[] =
	"cd %s && exec 2>/dev/null; umask 077\n"
	"ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=$1 -keyout $1.key -out $1.pem; }\n"
	"make() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$1 -keyout $1.key -out $1.csr &&\n"
	"openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial $3 $4 $5 $6 -extfile ext-$1 -out $1.pem; }\n"
	"ca ca && ca other && for n in a b old; do echo subjectAltName=DNS:$n.example,DNS:*.$n.example >ext-$n; done\n"
	"make a x -days 9 && make b x -days 9 && cat b.pem b.key >b.both &&\n"
	/* how one asks for a time that is over, up to OpenSSL 3.3 and later */
	"{ make old x -days -1 || make old x -not_before 20200101000000Z -not_after 20200102000000Z; }\n";

static int make_files(void **state)
{
	char command[sizeof(script) + sizeof(dir)];

	(void)state;
	if (crypto_init(err, sizeof(err)) || !mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), script, dir);
	return system(command) ? -1 : 0;
}

static int remove_files(void **state)
{
	char command[64];

	(void)state;
	trust_flush();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? -1 : 0;
}

/* --- one handshake ------------------------------------------------------------- */

struct outcome {
	enum tls_status client, server;
	int client_ret, server_ret; /* of tls_keys() */
	struct kdf_keys client_keys, server_keys;
	char why[256], sni[256], alpn[64]; /* of the client; of the server */
};

static struct tls *open_end(struct tls_params *p, int fd)
{
	struct tls *t;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	p->fd = fd;
	p->ciphers = TLS_CIPHERS_ALL;
	t = tls_new(p, err, sizeof(err));
	if (!t)
		fail_msg("%s", err);
	return t;
}

static struct outcome shake(struct certs *certs, struct trust *trust, const struct upstream *u)
{
	struct tls_params server = { .server = true, .certs = certs };
	struct tls_params client = { .upstream = u, .trust = trust };
	struct outcome o = { .client = TLS_WANT_WRITE, .server = TLS_WANT_READ };
	struct tls *s, *c;
	int fd[2], turns;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	s = open_end(&server, fd[0]);
	c = open_end(&client, fd[1]);
	for (turns = 0; turns < 20; turns++) {
		if (o.client != TLS_DONE && o.client != TLS_FAILED)
			o.client = tls_step(c);
		if (o.client == TLS_FAILED)
			shutdown(fd[1], SHUT_WR);
		if (o.server != TLS_DONE && o.server != TLS_FAILED)
			o.server = tls_step(s);
		if (o.server == TLS_FAILED)
			shutdown(fd[0], SHUT_WR);
	}
	if (o.client == TLS_DONE)
		o.client_ret = tls_keys(c, &o.client_keys);
	if (o.server == TLS_DONE)
		o.server_ret = tls_keys(s, &o.server_keys);
	snprintf(o.why, sizeof(o.why), "%s", tls_why(c));
	snprintf(o.sni, sizeof(o.sni), "%s", tls_server_name(s));
	snprintf(o.alpn, sizeof(o.alpn), "%s", tls_alpn(s) ? tls_alpn(s) : "");
	tls_free(s);
	tls_free(c);
	close(fd[0]);
	close(fd[1]);
	return o;
}

static bool done(const struct outcome *o)
{
	if (o->client != TLS_DONE || o->server != TLS_DONE || o->client_ret || o->server_ret)
		return false;
	/* what one sends is what the other receives */
	assert_int_equal(o->client_keys.cipher, o->server_keys.cipher);
	assert_memory_equal(&o->client_keys.tx, &o->server_keys.rx, sizeof(o->client_keys.tx));
	assert_memory_equal(&o->client_keys.rx, &o->server_keys.tx, sizeof(o->client_keys.tx));
	return true;
}

static struct upstream wants(const char *name, const char *alpn)
{
	struct upstream u = { .verify = true };

	snprintf(u.name, sizeof(u.name), "%s", name);
	snprintf(u.alpn, sizeof(u.alpn), "%s", alpn);
	return u;
}

static struct certs *load(const char *first, const char *second, const char *alpn)
{
	struct edge e = { .n = second ? 2 : 1, .alpn = alpn };
	char key[2][128];

	snprintf(key[0], sizeof(key[0]), "%s", in_dir(first));
	e.cert[0].certificate = key[0];
	e.cert[0].key = key[0];
	if (strstr(first, ".pem")) {
		snprintf(key[1], sizeof(key[1]), "%.*s.key", (int)strlen(key[0]) - 4, key[0]);
		e.cert[0].key = key[1];
	}
	if (second)
		e.cert[1].certificate = e.cert[1].key = in_dir(second);
	return certs_load(&e, err, sizeof(err));
}

/* --- cases ----------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "a.example", true },	 { "x.a.example", true },    { "b.example", true },
		{ "x.b.example", true }, { "y.x.b.example", false }, { "c.example", false },
		{ "example", false },
	};
	struct certs *certs = load("a.pem", "b.both", NULL);
	struct trust *trust = trust_get(in_dir("ca.pem"), err, sizeof(err));
	size_t i;

	(void)state;
	assert_non_null(certs);
	assert_non_null(trust);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upstream u = wants(cases[i].name, "");
		struct outcome o = shake(certs, trust, &u);

		assert_int_equal(done(&o), cases[i].good);
		assert_string_equal(o.sni, cases[i].name);
		if (!cases[i].good)
			assert_non_null(strstr(o.why, "its certificate is refused: "));
	}
	certs_put(certs);
	trust_put(trust);
}

static void test_who_signed_it(void **state)
{
	struct trust *ca = trust_get(in_dir("ca.pem"), err, sizeof(err));
	struct trust *other = trust_get(in_dir("other.pem"), err, sizeof(err));
	struct certs *certs = load("a.pem", NULL, NULL), *old = load("old.pem", NULL, NULL);
	struct upstream u = wants("a.example", ""), of_old = wants("old.example", "");
	struct outcome o = shake(certs, other, &u);

	(void)state;
	assert_false(done(&o));
	assert_non_null(strstr(o.why, "not correctly signed"));
	o = shake(old, ca, &of_old);
	assert_false(done(&o));
	assert_non_null(strstr(o.why, "expired"));
	/* unless nobody is to look */
	of_old.verify = false;
	o = shake(old, NULL, &of_old);
	assert_true(done(&o));
	certs_put(certs);
	certs_put(old);
	trust_put(ca);
	trust_put(other);
}

static void test_alpn(void **state)
{
	static const struct {
		const char *offered, *wanted, *agreed;
		bool good;
	} cases[] = {
		{ NULL, "", "", true },
		{ NULL, "http/1.1", "", true },
		{ NULL, "h2", "", false },
		{ "h2,http/1.1", "h2", "h2", true },
		{ "h2,http/1.1", "http/1.1", "http/1.1", true },
		{ "h2,http/1.1", "http/1.1,h2", "h2", true },
		{ "h2", "http/1.1", "", false },
		{ "h2", "", "", true },
	};
	struct trust *trust = trust_get(in_dir("ca.pem"), err, sizeof(err));
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upstream u = wants("a.example", cases[i].wanted);
		struct certs *certs = load("a.pem", NULL, cases[i].offered);
		struct outcome o = shake(certs, trust, &u);

		assert_int_equal(done(&o), cases[i].good);
		assert_string_equal(o.alpn, cases[i].agreed);
		certs_put(certs);
	}
	trust_put(trust);
}

static void run(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "cd %s && %s", dir, command);
	assert_int_equal(system(line), 0);
}

/* What is in the files now; what cannot be, is not; and handshakes go on with what they had. */
static void test_fresh(void **state)
{
	struct certs *certs, *had, *now;

	(void)state;
	run("cp b.both now.both");
	certs = load("now.both", NULL, "h2");
	assert_non_null(certs);
	assert_ptr_equal(certs_fresh(certs, err, sizeof(err)), certs);
	assert_string_equal(err, "");
	had = certs_ref(certs);

	run("echo nonsense >now.both");
	assert_ptr_equal(certs_fresh(certs, err, sizeof(err)), certs);
	assert_non_null(strstr(err, "now.both"));
	/* not read again for each who comes */
	assert_ptr_equal(certs_fresh(certs, err, sizeof(err)), certs);
	assert_string_equal(err, "");
	run("cat a.pem b.key >now.both");
	assert_ptr_equal(certs_fresh(certs, err, sizeof(err)), certs);
	assert_non_null(strstr(err, "is not that of"));
	run("rm now.both");
	assert_ptr_equal(certs_fresh(certs, err, sizeof(err)), certs);
	assert_non_null(strstr(err, "No such file"));

	run("cat a.pem a.key >now.both && chmod 600 now.both");
	now = certs_fresh(certs, err, sizeof(err));
	assert_ptr_not_equal(now, certs);
	assert_string_equal(err, "");
	assert_string_equal(certs_alpn(now)[0], "h2");
	certs_put(now);
	certs_put(had);
}

static void test_refused(void **state)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{ "cp b.both x && chmod 640 x", "accessible to group or others" },
		{ "cat a.pem b.key >x && chmod 600 x", "is not that of certificate" },
		{ "cp a.pem x", "key " },
		{ "cp a.key x", "certificate " },
		{ ": >x", "not in PEM" },
		{ "rm x && mkdir x", "not a regular file" },
		{ "rmdir x && mkfifo x", "not a regular file" },
		{ "rm x", "No such file" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(cases[i].make);
		err[0] = 0;
		assert_null(load("x", NULL, NULL));
		if (!strstr(err, cases[i].says))
			fail_msg("'%s': '%s' is not in '%s'", cases[i].make, cases[i].says, err);
	}
	run("cp a.key x");
	assert_null(trust_get(in_dir("x"), err, sizeof(err)));
	assert_non_null(strstr(err, "CA file"));
	assert_null(trust_get(in_dir("nothing"), err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
}

/* An authority that is replaced counts at once. */
static void test_trust_fresh(void **state)
{
	struct certs *certs = load("a.pem", NULL, NULL);
	struct upstream u = wants("a.example", "");
	struct trust *trust;
	struct outcome o;

	(void)state;
	run("cp other.pem t.pem");
	trust = trust_get(in_dir("t.pem"), err, sizeof(err));
	o = shake(certs, trust, &u);
	assert_false(done(&o));
	trust_put(trust);
	run("cat other.pem ca.pem >t.pem");
	trust = trust_get(in_dir("t.pem"), err, sizeof(err));
	o = shake(certs, trust, &u);
	assert_true(done(&o));
	trust_put(trust);
	certs_put(certs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	cmocka_unit_test(test_who_signed_it),
		cmocka_unit_test(test_alpn),	cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_trust_fresh),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
