/* component: agent. Bytes of a front-end at the agent's socket: a byte for the
 * agent's state, then lines. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "api_server.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static struct agent agent;

static void setup(void)
{
	static struct paths paths = {
		.profile = (char *)(uintptr_t)"fuzz",
		.config_file = (char *)(uintptr_t)"/nonexistent/sotto.conf",
		.data_dir = (char *)(uintptr_t)"/nonexistent",
		.socket_dir = (char *)(uintptr_t)"/nonexistent",
		.socket = (char *)(uintptr_t)"/nonexistent/s",
	};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	log_init("fuzz", LOG_ERROR);
	uv_loop_init(&loop);
	agent_init(&agent, &loop, &sys_real, &paths);
	if (api_server_create(&agent, listener, &agent.server))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char answers[4096];
	int fds[2];

	if (!ready)
		setup();
	ready = true;
	if (!size || size > 100000)
		return 0;
	agent.state = data[0] & 1 ? AGENT_LOCKED : AGENT_NEW;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
	api_server_adopt(agent.server, fds[0]);
	for (data++, size--; size; ) {
		ssize_t n = send(fds[1], data, size, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		uv_run(&loop, UV_RUN_NOWAIT);
		while (read(fds[1], answers, sizeof(answers)) > 0)
			;
		if (n < 0)
			break;
	}
	close(fds[1]);
	for (int i = 0; i < 4; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	return 0;
}
