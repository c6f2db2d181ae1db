#include "clock.h"

int hlc_load(struct hlc *c, const struct sys *sys, struct db *db)
{
	int64_t v = 0;
	int ret = db_get_int(db, "clock", &v);

	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	c->sys = sys;
	c->last = c->saved = (uint64_t)v;
	return OK;
}

uint64_t hlc_now(struct hlc *c)
{
	uint64_t wall = sys_wall_ms(c->sys) << HLC_SHIFT;

	c->last = wall > c->last ? wall : c->last + 1;
	return c->last;
}

void hlc_seen(struct hlc *c, uint64_t clock)
{
	uint64_t limit = (sys_wall_ms(c->sys) + HLC_AHEAD_MS) << HLC_SHIFT;

	if (clock > c->last && clock <= limit)
		c->last = clock;
}

int hlc_save(struct hlc *c, struct db *db)
{
	int ret;

	if (c->saved == c->last)
		return OK;
	ret = db_put_int(db, "clock", (int64_t)c->last);
	if (!ret)
		c->saved = c->last;
	return ret;
}

uint64_t hlc_ms(uint64_t clock)
{
	return clock >> HLC_SHIFT;
}
