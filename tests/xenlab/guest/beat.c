/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * beat ADDRESS PORT MS: a datagram every so many milliseconds
 *
 * Runs in the lab's default guest while dom0 saves, restores and migrates it
 * (`xenlab bench --save`); lab-downtime listens.  Each datagram says
 *
 *	NUMBER NS
 *
 * its number and the guest's clock, which stands still while the guest does.
 * What cannot be sent is not sent again: while the card comes back there is no
 * network.  Ends when it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timespec pause;
	unsigned long ms;
	int sock;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: beat ADDRESS PORT MS\n");
		return 2;
	}
	to.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 0));
	ms = strtoul(argv[3], NULL, 0);
	pause.tv_sec = (time_t)(ms / 1000);
	pause.tv_nsec = (long)(ms % 1000) * 1000000;
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0) {
		perror("beat: socket");
		return 1;
	}
	printf("beat: up\n");
	fflush(stdout);
	for (unsigned long number = 0;; number++) {
		struct timespec now;
		char text[64];
		int len;

		clock_gettime(CLOCK_MONOTONIC, &now);
		len = snprintf(text, sizeof(text), "%lu %llu", number,
			       (unsigned long long)now.tv_sec * 1000000000u +
			       (unsigned long long)now.tv_nsec);
		(void)sendto(sock, text, (size_t)len, 0,
			     (const struct sockaddr *)&to, sizeof(to));
		nanosleep(&pause, NULL);
	}
}
