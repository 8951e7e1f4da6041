/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_image.c - images, serial ports and the plan of a guest
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "supervisor/image.h"
#include "supervisor/plan.h"
#include "supervisor/serial.h"
#include "tap.h"

static char why[240];
static char dir[] = "/tmp/test_image.XXXXXX";

static const char *make_file(const char *name, off_t size)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	ok(fd >= 0 && ftruncate(fd, size) == 0, "made %s", name);
	close(fd);
	return path;
}

static void test_unreadable(void)
{
	const char *path = make_file("secret", 512);
	struct image img;
	int rc;

	if (chmod(path, 0) || chmod(dir, 0755))
		perror(path);
	/* Nobody: root reads everything. */
	if (geteuid() == 0 && seteuid(65534))
		perror("seteuid");
	rc = image_open(path, true, 0, &img, why, sizeof(why));
	if (geteuid() != getuid() && seteuid(getuid()))
		perror("seteuid");
	ok(rc == -EACCES && strstr(why, "/secret: Permission denied"),
	   "what may not be read is told");
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Between two workers; what Linux tells of each, steps_run.py looks at. */
static void test_renew(void)
{
	struct stat was, is;
	struct image img;
	int spare, fd;

	image_open(make_file("renew", 4096), false, 0, &img, why, sizeof(why));
	spare = img.spare;
	ok(spare > STDERR_FILENO && spare != img.fd &&
	   (fcntl(spare, F_GETFL) & O_ACCMODE) == O_RDWR &&
	   fcntl(spare, F_GETFD) & FD_CLOEXEC, "a spare is opened beside it");
	fstat(img.fd, &was);
	lseek(img.fd, 7, SEEK_SET);
	ok(lseek(spare, 0, SEEK_CUR) == 0, "which is not a copy of the descriptor");
	image_renew(&img);
	ok(img.fd == spare && fstat(img.fd, &is) == 0 && was.st_ino == is.st_ino &&
	   is_open(img.spare) && img.spare != img.fd, "a successor has it, and there is another");
	spare = img.spare;
	ok(image_look(&img) == 0 && img.spare == spare, "who looks leaves it there");
	fd = img.fd;
	image_close(&img);
	ok(!is_open(fd) && !is_open(spare) && img.fd == -1 && img.spare == -1,
	   "closed, both");
	image_close(&img);
	image_renew(&img);
	ok(img.fd == -1 && img.spare == -1, "then there is nothing to renew");
	image_open(make_file("fixed", 4096), true, 0, &img, why, sizeof(why));
	ok(img.spare == -1, "who only reads has nothing to be told");
	image_renew(&img);
	ok(is_open(img.fd) && img.spare == -1, "and keeps what he has");
	image_close(&img);
}

/* As another supervisor finds them: either may have either name, or be alone. */
static void test_left(void)
{
	struct image img, left;
	int used, spare;

	image_open(make_file("left", 4096), false, 0, &img, why, sizeof(why));
	used = img.fd;
	spare = img.spare;
	lseek(used, 0, SEEK_END);
	left = (struct image){ .fd = used, .spare = spare };
	ok(image_look(&left) == 0 && left.fd == used && left.spare == spare &&
	   !left.is_crossed, "the one that was used is used on");
	left = (struct image){ .fd = spare, .spare = used };
	ok(image_look(&left) == 0 && left.fd == used && left.spare == spare &&
	   left.is_crossed && left.size_bytes == 4096, "whatever it is called");
	image_renew(&left);
	ok(left.fd == spare && !left.is_crossed && is_open(left.spare) && left.spare != spare,
	   "the next one takes the name that is free");
	close(left.spare);
	left = (struct image){ .fd = -1, .spare = spare };
	ok(image_look(&left) == 0 && left.fd == spare && left.is_crossed &&
	   is_open(left.spare), "one of them is enough");
	close(left.spare);
	left = (struct image){ .fd = spare, .spare = -1 };
	ok(image_look(&left) == 0 && left.fd == spare && !left.is_crossed &&
	   is_open(left.spare), "... the other, too");
	image_close(&left);
}

static void test_images(void)
{
	struct image img;
	char fifo[64];

	ok(image_open(make_file("a", 1 << 20), false, 0, &img, why, sizeof(why)) == 0 &&
	   img.size_bytes == 1 << 20 && !img.is_block, "a file opens");
	ok(!(fcntl(img.fd, F_GETFL) & O_NONBLOCK) && fcntl(img.fd, F_GETFD) & FD_CLOEXEC,
	   "blocking, and not for everybody");
	close(img.fd);
	ok(image_open(make_file("odd", 1000), true, 0, &img, why, sizeof(why)) == 0 &&
	   img.size_bytes == 1000 && (fcntl(img.fd, F_GETFL) & O_ACCMODE) == O_RDONLY,
	   "an odd size is served, read-only stays so");
	close(img.fd);
	ok(image_open(make_file("none", 0), false, 0, &img, why, sizeof(why)) < 0 &&
	   strstr(why, "empty") && strstr(why, "/none") && img.fd == -1,
	   "an empty one is refused by name");
	ok(image_open("/no/such/file", false, 0, &img, why, sizeof(why)) == -ENOENT &&
	   strstr(why, "file=/no/such/file: No such file"), "a missing one too");
	ok(image_open("/dev/null", false, 0, &img, why, sizeof(why)) < 0 &&
	   strstr(why, "neither"), "and a device that is no disk");
	ok(image_open("/tmp", true, 0, &img, why, sizeof(why)) < 0 &&
	   strstr(why, "file=/tmp: neither"), "and a directory");
	ok(image_open("/tmp", false, 0, &img, why, sizeof(why)) == -EISDIR &&
	   strstr(why, "file=/tmp: Is a directory"), "for writing too");
	test_unreadable();
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	ok(mkfifo(fifo, 0600) == 0 &&
	   image_open(fifo, true, 0, &img, why, sizeof(why)) < 0,
	   "and a FIFO, at once");
	unlink(fifo);
}

static void test_pty(void)
{
	const struct conf_serial conf = { .kind = SERIAL_PTY };
	struct serial s;
	struct termios t;
	char byte = 0;

	if (serial_open(&conf, &s, why, sizeof(why))) {
		skip("no pty here");
		return;
	}
	ok(strncmp(s.name, "pty:/dev/pts/", 13) == 0, "a pty says where it is");
	ok(tcgetattr(s.slave, &t) == 0 && !(t.c_lflag & (ECHO | ICANON)), "and is raw");
	ok(read(s.fd, &byte, 1) < 0 && errno == EAGAIN,
	   "nobody there is not a hang-up");
	ok(write(s.fd, "\n", 1) == 1 && read(s.slave, &byte, 1) == 1 && byte == '\n',
	   "bytes pass unchanged");
	close(s.fd);
	close(s.slave);
}

static void test_ports(void)
{
	struct conf_serial conf = { .kind = SERIAL_FILE, .path = make_file("com", 9) };
	struct serial s;

	ok(serial_open(&conf, &s, why, sizeof(why)) == 0 && s.fd >= 0 &&
	   lseek(s.fd, 0, SEEK_END) == 0, "a file starts empty");
	close(s.fd);
	conf = (struct conf_serial){ .kind = SERIAL_TTY, .path = "/dev/null" };
	ok(serial_open(&conf, &s, why, sizeof(why)) < 0 && strstr(why, "/dev/null"),
	   "what is no tty is refused by name");
	conf = (struct conf_serial){ .kind = SERIAL_NULL };
	ok(serial_open(&conf, &s, why, sizeof(why)) == 0 && s.fd == -1, "null needs none");
}

static void test_layout(void)
{
	struct vram_layout l;

	vram_lay_out(256, 0xf0000000, 16, &l);
	ok(l.ram_low_bytes == 256u << 20 && l.ram_high_bytes == 0 &&
	   l.gfn == 0x10000 && l.frames == 4096, "VRAM is parked above little RAM");
	vram_lay_out(4096, 0xf0000000, 16, &l);
	ok(l.ram_low_bytes == 0xf0000000 && l.ram_high_bytes == 0x10000000 &&
	   l.gfn == 0x110000, "and above 4 GiB when low memory is full");
	vram_lay_out(3835, 0xf0000000, 16, &l);
	ok(l.gfn == 0x100000, "also when it nearly is");
	vram_lay_out(8192, 0xc0000000, 0, &l);
	ok(l.ram_low_bytes == 0xc0000000 && l.ram_high_bytes == 5ull << 30 &&
	   l.gfn == 0 && l.frames == 0, "a larger hole, and no VRAM");
}

static void test_plan(void)
{
	static struct plan p;
	static struct conf c = { .domid = 9, .max_vcpus = 2, .pci_platform = true,
		.have_vga = true, .vga_mib = 16 };
	struct vram_layout l;
	int fd;

	vram_lay_out(256, 0xf0000000, 16, &l);
	plan_fill(&p, &c, &l);
	ok(p.magic == PLAN_MAGIC && p.worker_count == 3 && p.vcpus == 2, "three workers");
	ok(p.worker[PLAN_CHAN_VGA].role == PLAN_VGA && !p.worker[PLAN_CHAN_VGA].isa_lines &&
	   !p.worker[PLAN_CHAN_VGA].intx_devs, "vga has no interrupt");
	ok(p.worker[PLAN_CHAN_DISK0].isa_lines == (3 << 14) &&
	   !(p.worker[PLAN_CHAN_DISK0].verbs & ~PLAN_MAY_MODIFIED), "disk two and one verb");
	ok(plan_vga_slot(&c) == 3, "vga comes after the platform device");
	c.pci_platform = c.have_vga = false;
	plan_fill(&p, &c, &l);
	ok(p.worker_count == 2 && plan_vga_slot(&c) == 2 &&
	   !(p.worker[PLAN_CHAN_PLATFORM].verbs & PLAN_MAY_UNPLUG),
	   "without it nobody unplugs");
	fd = plan_make_fd(&p);
	ok(fd >= 0 && write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0,
	   "nobody can change the plan");
	close(fd);
}

int main(void)
{
	char cmd[64];

	if (!mkdtemp(dir))
		return 1;
	test_images();
	test_renew();
	test_left();
	test_pty();
	test_ports();
	test_layout();
	test_plan();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : tap_done();
}
