// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "socket_file.h"
#include "target.h"

/* Until its owner has been set nobody else gets in. */
#define FIRST_UMASK 0177

int parse_listen_address(struct ctx *ctx, const char *word, bool port_zero_ok,
			 struct sockaddr_storage *ss, int *len)
{
	struct target at;
	char err[256];

	if (strncmp(word, "unix:", 5))
		return parse_address(ctx, word, port_zero_ok, ss, len);
	if (target_parse(&at, word, err, sizeof(err)))
		return usage_error(ctx, "%s", err);
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &at.un, sizeof(at.un));
	*len = (int)tnl_addr_len(ss);
	return EXIT_OK;
}

int parse_mode(struct ctx *ctx, const char *word, uint32_t *mode)
{
	size_t len = strspn(word, "01234567");

	if (!len || len > 4 || word[len] || strtoul(word, NULL, 8) > 0777)
		return usage_error(ctx, "'mode %s': it is octal, 0 to 0777", word);
	*mode = strtoul(word, NULL, 8);
	return EXIT_OK;
}

/*
 * Can nobody but root, and us, make the path mean something else while we look? One may
 * not give a file away, or remove it, by a name that others may turn.
 */
static bool is_ours_alone(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = path;
	struct stat st;

	do {
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
		if (stat(folder, &st) || (st.st_uid && st.st_uid != geteuid()) ||
		    (st.st_mode & 022 && !(st.st_mode & S_ISVTX)))
			return false;
		slash = strchr(slash + 1, '/');
	} while (slash);
	return true;
}

/* A socket there that nobody listens on any more is in the way for nothing. Return: it is gone. */
static bool remove_stale(const struct sockaddr_storage *ss)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)ss;
	bool gone = false;
	struct stat st;
	int fd;

	if (!is_ours_alone(un->sun_path) || lstat(un->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)un, tnl_addr_len(ss)) && errno == ECONNREFUSED)
		gone = !unlink(un->sun_path);
	close(fd);
	return gone;
}

/* struct wish - what a request says of the file */
struct wish {
	struct sockaddr_storage ss; /* family 0: of no path */
	uid_t uid;
	gid_t gid;
	int mode; /* -1: as it is */
};

static void read_wish(const struct req *req, struct wish *w)
{
	struct nlattr *attr[TUNNEL_A_MAX + 1], *at;

	*w = (struct wish){ .uid = -1, .gid = -1, .mode = -1 };
	if (req->err || genlmsg_parse(nlmsg_hdr(req->msg), 0, attr, TUNNEL_A_MAX, NULL))
		return;
	at = attr[TUNNEL_A_ADDRESS];
	if (at && (size_t)nla_len(at) <= sizeof(w->ss))
		memcpy(&w->ss, nla_data(at), nla_len(at));
	if (w->ss.ss_family != AF_UNIX)
		w->ss.ss_family = 0;
	if (attr[TUNNEL_A_OWNER_UID])
		w->uid = nla_get_u32(attr[TUNNEL_A_OWNER_UID]);
	if (attr[TUNNEL_A_OWNER_GID])
		w->gid = nla_get_u32(attr[TUNNEL_A_OWNER_GID]);
	if (attr[TUNNEL_A_MODE])
		w->mode = (int)nla_get_u32(attr[TUNNEL_A_MODE]);
}

static int set_owner(const struct wish *w, int fd)
{
	char self[64];

	if (fchownat(fd, "", w->uid, w->gid, AT_EMPTY_PATH))
		return -errno;
	if (w->mode < 0)
		return 0;
	/* there is no fchmod() of what is not open for reading */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, w->mode) ? -errno : 0;
}

/* The file that has just been made. Return: 0 or -errno. */
static int finish(const struct wish *w)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&w->ss;
	int fd = open(un->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else
		ret = S_ISSOCK(st.st_mode) ? set_owner(w, fd) : -ENOTSOCK;
	close(fd);
	return ret;
}

static void take_back(struct ctx *ctx, const struct sockaddr_storage *ss, int error)
{
	struct req req;

	if (!req_begin(ctx, &req, TUNNEL_CMD_LISTENER_DEL, 0)) {
		req_data(&req, TUNNEL_A_ADDRESS, ss, (int)tnl_addr_len(ss));
		listener_unmake(ctx, &req);
	}
	snprintf(ctx->conn.error, sizeof(ctx->conn.error),
		 "the owner or the mode of the file cannot be set: %s", strerror(error));
}

/* With the file root's alone until its owner has been set. */
static int send_closed(struct ctx *ctx, struct req *req)
{
	mode_t mask = umask(FIRST_UMASK);
	int ret = req_try(ctx, req);

	umask(mask);
	return ret;
}

int listener_make(struct ctx *ctx, struct req *req)
{
	struct req again = { .err = 0 };
	struct wish w;
	int ret;

	read_wish(req, &w);
	if (!w.ss.ss_family || ctx->capture)
		return req_try(ctx, req);
	if ((w.mode >= 0 || w.uid != (uid_t)-1) &&
	    !is_ours_alone(((struct sockaddr_un *)&w.ss)->sun_path)) {
		req_drop(req);
		snprintf(ctx->conn.error, sizeof(ctx->conn.error),
			 "others than root may write to a folder of the path: 'mode' and 'owner' need one of root's, as below /run");
		return -EACCES;
	}
	again.msg = nlmsg_convert(nlmsg_hdr(req->msg));
	ret = send_closed(ctx, req);
	if (ret == -EADDRINUSE && again.msg && remove_stale(&w.ss)) {
		ret = send_closed(ctx, &again);
		again.msg = NULL;
	}
	nlmsg_free(again.msg);
	if (ret)
		return ret;
	ret = finish(&w);
	if (ret)
		take_back(ctx, &w.ss, -ret);
	return ret;
}

int listener_unmake(struct ctx *ctx, struct req *req)
{
	struct wish w;
	int ret;

	read_wish(req, &w);
	ret = req_try(ctx, req);
	if (!ret && w.ss.ss_family)
		remove_stale(&w.ss);
	return ret;
}
