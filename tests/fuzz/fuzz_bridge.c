/* component: cli. The bot's bridge: lines from a client and from an agent that dies
 * now and then. The input is steps: an operation, a length, so many bytes. */
#include <assert.h>

#include "bridge.h"

enum { OPERATIONS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct bridge *b, int operation, const uint8_t *data,
		 size_t len)
{
	switch (operation) {
	case 0:
	case 1:
		if (bridge_wants_client(b))
			bridge_from_client(b, data, len);
		break;
	case 2:
		if (b->up && bridge_wants_agent(b))
			bridge_from_agent(b, data, len);
		break;
	case 3:
		bridge_sent_client(b, len < b->to_client.len ? len :
				   b->to_client.len);
		break;
	case 4:
		bridge_sent_agent(b, len < b->to_agent.len ? len :
				  b->to_agent.len);
		break;
	case 5:
		if (b->up)
			bridge_down(b);
		break;
	case 6:
		if (!b->up)
			bridge_up(b);
		break;
	default:
		if (bridge_wants_retry(b))
			bridge_retry(b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bridge b;

	bridge_init(&b);
	bridge_up(&b);
	while (size >= 2) {
		size_t len = data[1];

		if (len > size - 2)
			len = size - 2;
		step(&b, data[0] % OPERATIONS, data + 2, len);
		data += 2 + len;
		size -= 2 + len;
		assert(b.requests.n <= BRIDGE_REQUESTS_MAX +
		       2 * BRIDGE_SUBSCRIPTIONS_MAX + 1);
	}
	bridge_client_end(&b);
	bridge_finish(&b);
	return 0;
}
