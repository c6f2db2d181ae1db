#include "api_server_int.h"

#include <sys/socket.h>
#include <unistd.h>

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct api_server *s = poll->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		api_server_adopt(s, fd);
}

int api_server_create(struct agent *a, int listener, struct api_server **out)
{
	struct api_server *s = xcalloc(1, sizeof(*s));

	s->a = a;
	s->fd = listener;
	s->finished_end = &s->finished;
	uv_timer_init(a->loop, &s->timer);
	s->timer.data = s;
	if (uv_poll_init(a->loop, &s->listen, listener)) {
		free(s);
		return ERR_SYSTEM;
	}
	s->listen.data = s;
	s->handles = 2;
	uv_poll_start(&s->listen, UV_READABLE, on_connect);
	*out = s;
	return OK;
}

static void on_server_closed(uv_handle_t *handle)
{
	struct api_server *s = handle->data;

	if (--s->handles)
		return;
	close(s->fd);
	free(s);
}

void api_server_destroy(struct api_server *s)
{
	if (!s)
		return;
	while (s->clients) {
		api_client_flush(s->clients);
		if (s->clients)
			api_client_close(s->clients);
	}
	while (s->waiting) {
		struct api_call *w = s->waiting;

		s->waiting = w->next;
		api_call_free(w);
	}
	uv_close((uv_handle_t *)&s->timer, on_server_closed);
	uv_close((uv_handle_t *)&s->listen, on_server_closed);
}
