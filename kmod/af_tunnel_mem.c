// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket has queued is charged to it, to the protocol's limit and to its
 * memory cgroup. Works of carriers charge too, and they take no socket lock: so
 * all of it is under mem_lock.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "af_tunnel.h"

static atomic_long_t allocated;
static DEFINE_PER_CPU(int, fw_alloc);
static long limits[3];
/* What a socket gets under pressure all the same: least, default, most. */
static int wmem[3] = { 4096, 16384, 4 << 20 };
static int rmem[3] = { 4096, 16384, 4 << 20 };

struct proto tnl_proto = {
	.name = "TUNNEL",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct tnl_sock),
	.memory_allocated = &allocated,
	.per_cpu_fw_alloc = &fw_alloc,
	.sysctl_mem = limits,
	.sysctl_wmem = wmem,
	.sysctl_rmem = rmem,
};

/* tnl_sock_mem_init - three thirty-seconds of memory, as TCP has it. Return: 0 or -errno. */
int tnl_sock_mem_init(void)
{
	long limit = max(nr_free_buffer_pages() / 16, 128UL);

	limits[0] = limit / 4 * 3;
	/*
	 * Where pressure begins: of use to nobody here but SO_RESERVE_MEM, which
	 * stops there; it would change sk_forward_alloc without our lock.
	 */
	limits[1] = -1;
	limits[2] = limits[0] * 2;
	return proto_register(&tnl_proto, 1);
}

/**
 * tnl_sock_charge - bytes are about to be queued
 * @sk: the socket
 * @kind: SK_MEM_SEND or SK_MEM_RECV
 * @len: bytes
 * Context: process; no sleeping: BH is off around the charge, which makes that of
 * the cgroup atomic.
 * Return: false when there is no memory for them.
 */
bool tnl_sock_charge(struct sock *sk, int kind, u32 len)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	int more;
	bool ok;

	spin_lock_bh(&tsk->mem_lock);
	more = (int)len - sk->sk_forward_alloc;
	/*
	 * Never as SEND: what a stream sends is charged by force then, and SO_SNDBUF
	 * cut, for a caller that waits for room; ours shall hear that there is none.
	 */
	ok = more <= 0 || __sk_mem_schedule(sk, more, SK_MEM_RECV);
	if (ok) {
		sk_mem_charge(sk, len);
		if (kind == SK_MEM_SEND) {
			tsk->tx_mem += len;
			WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued + (int)len);
		} else {
			tsk->rx_mem += len;
			atomic_add(len, &sk->sk_rmem_alloc);
		}
	}
	spin_unlock_bh(&tsk->mem_lock);
	return ok;
}

/* Up to two pages stay the socket's, so that small messages need not ask each time. */
#define KEPT ((int)(2 * PAGE_SIZE))

static void uncharge(struct sock *sk, int kind, u64 len)
{
	struct tnl_sock *tsk = tnl_sk(sk);

	if (kind == SK_MEM_SEND) {
		tsk->tx_mem -= len;
		WRITE_ONCE(sk->sk_wmem_queued, sk->sk_wmem_queued - (int)len);
	} else {
		tsk->rx_mem -= len;
		atomic_sub(len, &sk->sk_rmem_alloc);
	}
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + (int)len);
	if (sk->sk_forward_alloc >= KEPT)
		sk_mem_reclaim(sk);
}

/* tnl_sock_uncharge - bytes have left. Context: process. */
void tnl_sock_uncharge(struct sock *sk, int kind, u64 len)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	u64 *mem = kind == SK_MEM_SEND ? &tsk->tx_mem : &tsk->rx_mem;

	spin_lock_bh(&tsk->mem_lock);
	if (!WARN_ON_ONCE(len > *mem))
		uncharge(sk, kind, len);
	spin_unlock_bh(&tsk->mem_lock);
}

/* tnl_sock_uncharge_all - no session tells this socket anything any more */
void tnl_sock_uncharge_all(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);

	spin_lock_bh(&tsk->mem_lock);
	uncharge(sk, SK_MEM_SEND, tsk->tx_mem);
	uncharge(sk, SK_MEM_RECV, tsk->rx_mem);
	sk_mem_reclaim(sk);
	spin_unlock_bh(&tsk->mem_lock);
}
