/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnctool: the lab's VNC client, on libvncclient.
 *
 * Run by rfb.py on the host against the guest's VNC server:
 *
 *	vnctool HOST:PORT shot FILE.ppm		the screen, as it is now
 *	vnctool HOST:PORT type TEXT		keys: text, \n and <KeySym> names
 *	vnctool HOST:PORT size			prints WIDTHxHEIGHT
 *
 * A password, if the server wants one, comes in VNC_PASSWORD.  It shows no
 * window and keeps no connection.
 */
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_US = 100000, FIRST_UPDATE_MS = 20000, SETTLE_MS = 300,
       MOVING_MS = 2000 };

static int updated;

static void on_update(rfbClient *client)
{
	(void)client;
	updated = 1;
}

static char *password(rfbClient *client)
{
	const char *text = getenv("VNC_PASSWORD");

	(void)client;
	return strdup(text ? text : "");
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Serves the connection until nothing more comes for SETTLE_MS; a screen that
   keeps moving gets MOVING_MS.  With first set, the clock starts when the
   first whole update is there. */
static int pump(rfbClient *client, int first)
{
	long start = now_ms(), last = start;

	updated = !first;
	for (;;) {
		int n = WaitForMessage(client, WAIT_US);
		long now = now_ms();

		if (n < 0 || (n > 0 && !HandleRFBServerMessage(client)))
			return -1;
		if (first && updated) {
			first = 0;
			start = last = now;
		}
		if (n > 0)
			last = now;
		if (first ? now - start > FIRST_UPDATE_MS :
			    now - start > MOVING_MS || now - last > SETTLE_MS)
			return first ? -1 : 0;
	}
}

static int shot(rfbClient *client, const char *path)
{
	FILE *file;
	size_t pixels;

	SendFramebufferUpdateRequest(client, 0, 0, client->width,
				     client->height, FALSE);
	if (pump(client, 1) < 0) {
		fprintf(stderr, "vnctool: no picture from the server\n");
		return 1;
	}
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		return 1;
	}
	fprintf(file, "P6\n%d %d\n255\n", client->width, client->height);
	pixels = (size_t)client->width * (size_t)client->height;
	for (size_t i = 0; i < pixels; i++)
		fwrite(client->frameBuffer + i * 4, 1, 3, file);
	return fclose(file) != 0;
}

static void press(rfbClient *client, uint32_t sym)
{
	struct timespec pause = { 0, 60000000 };

	SendKeyEvent(client, sym, TRUE);
	nanosleep(&pause, NULL);
	SendKeyEvent(client, sym, FALSE);
	nanosleep(&pause, NULL);
}

static const struct { const char *name; uint32_t sym; } names[] = {
	{ "Return", 0xff0d }, { "Escape", 0xff1b }, { "Tab", 0xff09 },
	{ "BackSpace", 0xff08 }, { "Delete", 0xffff }, { "Up", 0xff52 },
	{ "Down", 0xff54 }, { "Left", 0xff51 }, { "Right", 0xff53 },
	{ "Home", 0xff50 }, { "End", 0xff57 }, { "Page_Up", 0xff55 },
	{ "Page_Down", 0xff56 }, { "Insert", 0xff63 }, { "F1", 0xffbe },
	{ "F2", 0xffbf }, { "F3", 0xffc0 }, { "F4", 0xffc1 },
	{ "F5", 0xffc2 }, { "F6", 0xffc3 }, { "F7", 0xffc4 },
	{ "F8", 0xffc5 }, { "F9", 0xffc6 }, { "F10", 0xffc7 },
	{ "F11", 0xffc8 }, { "F12", 0xffc9 }, { "Shift", 0xffe1 },
	{ "Control", 0xffe3 }, { "Alt", 0xffe9 },
};

static const char shifted[] = "~!@#$%^&*()_+{}|:\"<>?ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* One character; with Shift held as a person at a US keyboard would. */
static void type_char(rfbClient *client, unsigned char c)
{
	int shift = strchr(shifted, c) != NULL;

	if (shift)
		SendKeyEvent(client, 0xffe1, TRUE);
	press(client, c == '\n' ? 0xff0d : c);
	if (shift)
		SendKeyEvent(client, 0xffe1, FALSE);
}

static int type(rfbClient *client, const char *text)
{
	while (*text) {
		const char *end = *text == '<' ? strchr(text, '>') : NULL;
		uint32_t sym = 0;

		for (size_t i = 0; end && i < sizeof(names) / sizeof(names[0]);
		     i++) {
			size_t n = strlen(names[i].name);

			if ((size_t)(end - text - 1) == n &&
			    strncmp(text + 1, names[i].name, n) == 0)
				sym = names[i].sym;
		}
		if (sym) {
			press(client, sym);
			text = end + 1;
		} else if (text[0] == '\\' && text[1] == 'n') {
			type_char(client, '\n');
			text += 2;
		} else {
			type_char(client, (unsigned char)*text++);
		}
	}
	return pump(client, 0) < 0;
}

int main(int argc, char **argv)
{
	char *args[] = { argv[0], argc > 1 ? argv[1] : "", NULL };
	int count = 2, code;
	rfbClient *client;

	if (argc < 3 || (argc < 4 && strcmp(argv[2], "size") != 0)) {
		fprintf(stderr, "usage: vnctool HOST:PORT "
			"shot FILE.ppm | type TEXT | size\n");
		return 2;
	}
	rfbEnableClientLogging = getenv("VNC_DEBUG") != NULL;
	client = rfbGetClient(8, 3, 4);
	client->FinishedFrameBufferUpdate = on_update;
	client->GetPassword = password;
	client->canHandleNewFBSize = TRUE;
	client->appData.encodingsString = "raw";
	client->appData.useRemoteCursor = FALSE;
	if (!rfbInitClient(client, &count, args)) {
		fprintf(stderr, "vnctool: cannot connect to %s\n", argv[1]);
		return 1;
	}
	if (strcmp(argv[2], "shot") == 0) {
		code = shot(client, argv[3]);
	} else if (strcmp(argv[2], "type") == 0) {
		code = type(client, argv[3]);
	} else {
		printf("%dx%d\n", client->width, client->height);
		code = 0;
	}
	rfbClientCleanup(client);
	return code;
}
