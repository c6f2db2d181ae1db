/* Inside the screen: shared by screen.c and screen_keys.c alone. */
#ifndef SOTTO_SCREEN_INT_H
#define SOTTO_SCREEN_INT_H

/* After curses has been started: the keys that it does not know. */
void screen_keys_init(void);

#endif
