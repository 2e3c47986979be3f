// SPDX-License-Identifier: GPL-2.0
/*
 * Payloads of HELLO, OPEN and ACCEPT: what is taken is in range, and says the
 * same when it is written and read again.
 *
 * Input: which (1 byte), the payload.
 */
/* options: -max_len=600 */
/* links: kmod/hello.c */
#include "fuzz.h"
#include "hello.h"

static void check_name(const char name[TNL_NAME_MAX + 1])
{
	must(name[0] && memchr(name, 0, 64));
	must(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name));
	must(tnl_name_ok(name, strlen(name)));
}

/* Can the element @type be found, walking as docs/protocol.md says? */
static bool element(const u8 *p, size_t len, u16 type, size_t want)
{
	size_t at = 0;

	while (len - at >= 4) {
		size_t n = (size_t)p[at + 2] << 8 | p[at + 3];

		if (n > len - at - 4)
			return false;
		if (((p[at] & 0x7f) << 8 | p[at + 1]) == type)
			return n == want;
		at += 4 + n;
	}
	return false;
}

static void hello(const u8 *p, size_t len)
{
	struct tnl_hello h, again;
	u8 *buf = malloc(TNL_HELLO_MAX);
	int err = tnl_hello_decode(p, len, &h);
	size_t n;

	must(err == 0 || err == -EPROTO || err == -EPROTONOSUPPORT);
	if (len < 8 || len > TNL_HELLO_MAX || tnl_get32(p) != TNL_MAGIC)
		must(err == -EPROTO);
	else
		must((err == -EPROTONOSUPPORT) == !(p[4] <= 1 && p[5] >= 1));
	if (!err) {
		u16 type;

		must(h.min_version <= 1 && h.max_version >= 1 && h.role <= 1 && h.epoch && !p[7]);
		for (type = 2; type <= 6; type++)
			must(element(p + 8, len - 8, type, type == 4 ? 2 : 8));
		if (h.name[0])
			check_name(h.name);
		else /* what we send has one */
			strcpy(h.name, "a");
		n = tnl_hello_encode(buf, &h);
		must(n <= TNL_HELLO_MAX);
		p = exact(buf, n);
		must(!tnl_hello_decode(p, n, &again));
		must(!memcmp(&h, &again, sizeof(h)));
		free((void *)p);
	}
	free(buf);
}

static void open(const u8 *p, size_t len)
{
	struct tnl_open o, again;
	u8 *buf = malloc(TNL_OPEN_MAX);
	int err = tnl_open_decode(p, len, &o);
	size_t n;

	must(err == 0 || err == -EPROTO);
	if (!err) {
		check_name(o.service);
		must(element(p, len, 1, strlen(o.service)));
		must(o.has_source == element(p, len, 2, sizeof(o.source)));
		must(o.has_local == element(p, len, 8, sizeof(o.local)));
		must(o.has_uuid == element(p, len, 4, sizeof(o.uuid)));
		must(!o.destination[0] || element(p, len, 3, strlen(o.destination)));
		must(!o.hops || element(p, len, 7, 1));
		n = tnl_open_encode(buf, &o);
		must(n <= TNL_OPEN_MAX);
		p = exact(buf, n);
		must(!tnl_open_decode(p, n, &again));
		must(!memcmp(&o, &again, sizeof(o)));
		free((void *)p);
	}
	free(buf);
}

static void accept(const u8 *p, size_t len)
{
	u64 window = 1;
	int err = tnl_accept_decode(p, len, &window);

	must(err == 0 || err == -EPROTO);
	if (!err)
		must(!window || element(p, len, 1, 8));
	if (!len)
		must(!err && !window);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 *p;

	if (!size)
		return 0;
	p = exact(data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		hello(p, size - 1);
		break;
	case 1:
		open(p, size - 1);
		break;
	case 2:
		accept(p, size - 1);
		break;
	}
	free(p);
	return 0;
}
