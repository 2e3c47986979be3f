// SPDX-License-Identifier: GPL-2.0
#include <linux/poll.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "duty.h"
#include "watch.h"

#define RETRY_MS 20

/* What is encrypted can no longer be overtaken: keep little of it unsent. */
#define NOTSENT_LOWAT (128 << 10)
/* A peer that acknowledges nothing for this long is gone, milliseconds. */
#define USER_TIMEOUT 20000

/* There is something to read: a reader is woken for it, or the work does it. */
static void readable(struct tnl_watch *w, unsigned int mode, int sync)
{
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	if (!w->stopped && !(w->duty && tnl_duty_call(w->duty, mode, sync)))
		queue_work(w->wq, w->rx);
	spin_unlock_irqrestore(&w->lock, flags);
}

/* Runs with interrupts off under the wait queue's lock: only queue work. */
static int wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct tnl_watch *w = container_of(entry, struct tnl_watch, entry);
	__poll_t events = key_to_poll(key);

	/* sk_state_change() gives no key: it may mean anything. */
	if (!events || events & (EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		readable(w, mode, sync);
	if ((!events || events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) &&
	    test_bit(TNL_WATCH_TX_BLOCKED, &w->flags))
		tnl_watch_queue(w, w->tx);
	return 0;
}

static void retry(struct work_struct *work)
{
	struct tnl_watch *w = container_of(to_delayed_work(work),
					   struct tnl_watch, retry);

	tnl_watch_queue(w, w->rx);
	tnl_watch_queue(w, w->tx);
}

/**
 * tnl_watch_init - prepare, before the first use of any other function
 * @w: the watch
 * @wq: where they run: tnl_wq, or tnl_local_wq
 * @rx: work to queue when there is something to read
 * @tx: work to queue when there is room to write
 */
void tnl_watch_init(struct tnl_watch *w, struct workqueue_struct *wq,
		    struct work_struct *rx, struct work_struct *tx)
{
	memset(w, 0, sizeof(*w));
	spin_lock_init(&w->lock);
	w->wq = wq;
	w->rx = rx;
	w->tx = tx;
	init_waitqueue_func_entry(&w->entry, wake);
	INIT_LIST_HEAD(&w->entry.entry);
	INIT_DELAYED_WORK(&w->retry, retry);
}

/**
 * tnl_watch_claim - mark a socket as ours
 * @w: the watch
 * @sock: a TCP socket
 * Context: process.
 * Return: 0, or -EBUSY when somebody else has it.
 */
int tnl_watch_claim(struct tnl_watch *w, struct socket *sock)
{
	struct sock *sk = sock->sk;
	int err = -EBUSY;

	write_lock_bh(&sk->sk_callback_lock);
	if (!sk->sk_user_data) {
		__rcu_assign_sk_user_data_with_flags(sk, w,
						     SK_USER_DATA_NOCOPY);
		w->claimed = true;
		w->sock = sock;
		err = 0;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return err;
}

/**
 * tnl_watch_start - begin, and look once for what is there already
 * @w: initialised
 * @sock: outlives the watch
 * Context: process.
 */
void tnl_watch_start(struct tnl_watch *w, struct socket *sock)
{
	w->sock = sock;
	add_wait_queue(sk_sleep(sock->sk), &w->entry);
	tnl_watch_queue(w, w->rx);
	tnl_watch_queue(w, w->tx);
}

/**
 * tnl_watch_stop - end: when this returns, neither work runs nor will run
 * @w: the watch; a second call does nothing
 * Context: process, not from one of the watch's works.
 */
void tnl_watch_stop(struct tnl_watch *w)
{
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	w->stopped = true;
	spin_unlock_irqrestore(&w->lock, flags);

	if (!list_empty(&w->entry.entry))
		remove_wait_queue(sk_sleep(w->sock->sk), &w->entry);
	INIT_LIST_HEAD(&w->entry.entry);
	cancel_delayed_work_sync(&w->retry);
	if (w->duty)
		tnl_duty_stop(w->duty);
	cancel_work_sync(w->rx);
	if (w->tx != w->rx)
		cancel_work_sync(w->tx);
}

/**
 * tnl_watch_release - let others have the socket again
 * @w: stopped; a second call does nothing
 * Context: process.
 */
void tnl_watch_release(struct tnl_watch *w)
{
	struct sock *sk;

	if (!w->claimed)
		return;
	sk = w->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	w->claimed = false;
}

/* tnl_watch_queue - run a work soon, unless the watch has ended. Context: any. */
void tnl_watch_queue(struct tnl_watch *w, struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	if (!w->stopped)
		queue_work(w->wq, work);
	spin_unlock_irqrestore(&w->lock, flags);
}

/* tnl_watch_retry - run both works a little later. Context: any. */
void tnl_watch_retry(struct tnl_watch *w)
{
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	if (!w->stopped)
		queue_delayed_work(w->wq, &w->retry, msecs_to_jiffies(RETRY_MS));
	spin_unlock_irqrestore(&w->lock, flags);
}

/**
 * tnl_sock_adopt - put a TCP socket into the state our works rely on
 * @sock: connected or about to be
 * @carrier: both ends always read: a peer that stops is dead. Not so a local
 *	program, which may take its time.
 *
 * A socket may come with options its former owner liked: a low-water mark that
 * hides data from us, time-outs, a cork, urgent data that stalls tcp_read_sock().
 *
 * Context: process, socket lock not held.
 */
void tnl_sock_adopt(struct socket *sock, bool carrier)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	sk->sk_rcvtimeo = MAX_SCHEDULE_TIMEOUT;
	sk->sk_sndtimeo = MAX_SCHEDULE_TIMEOUT;
	sock_set_flag(sk, SOCK_URGINLINE);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, NOTSENT_LOWAT);
	if (carrier)
		WRITE_ONCE(inet_csk(sk)->icsk_user_timeout, USER_TIMEOUT);
	release_sock(sk);

	tcp_sock_set_nodelay(sk);
	tcp_sock_set_cork(sk, false);
	if (!carrier)
		return;
	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, 15);
	tcp_sock_set_keepintvl(sk, 5);
	tcp_sock_set_keepcnt(sk, 3);
}
