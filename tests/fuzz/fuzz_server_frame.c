/* component: agent. What a hostile relay sends: a byte for the role, then frames,
 * each behind its length in two bytes. */
#include <string.h>

#include "identity.h"
#include "relay_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_challenge(void *ctx, const Sotto__Challenge *c)
{
	struct relay_link *l = ctx;
	Sotto__Auth auth = SOTTO__AUTH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	(void)c;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_AUTH;
	m.auth = &auth;
	(void)!relay_link_send(l, &m);
}

static void on_ready(void *ctx, const Sotto__Ready *r)
{
	struct relay_link *l = ctx;
	Sotto__Fetch fetch = SOTTO__FETCH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	(void)r;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_FETCH;
	m.fetch = &fetch;
	for (int i = 0; i < 8; i++)
		(void)!relay_link_send(l, &m);
}

static void on_fetched(void *ctx, const Sotto__Fetched *f)
{
	struct device_list list;

	(void)ctx;
	if (!f->list || device_list_verify(f->list, &list))
		return;
	for (size_t i = 0; i < f->n_bundles; i++)
		if (f->bundles[i]->bundle)
			(void)!bundle_verify(f->bundles[i]->bundle, &list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct relay_link_ops ops = {
		.challenge = on_challenge, .ready = on_ready,
		.fetched = on_fetched,
	};
	struct relay_link l;
	struct buf frame;

	if (!size)
		return 0;
	relay_link_init(&l, data[0] & 1, &ops, &l);
	data++;
	size--;
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (relay_link_input(&l, data, len))
			break;
		data += len;
		size -= len;
		buf_init(&frame, FRAME_MAX);
		relay_link_output(&l, &frame);
		buf_finish(&frame);
	}
	relay_link_finish(&l);
	return 0;
}
