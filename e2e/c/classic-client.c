/* The classic teaching client: connects, sends 'A', prints what comes back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 9736;
  char byte = argc > 2 ? argv[2][0] : 'A';

  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) {
    perror("socket");
    return 1;
  }
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = inet_addr("127.0.0.1");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("connect");
    return 1;
  }
  if (write(fd, &byte, 1) != 1) {
    perror("write");
    return 1;
  }
  if (read(fd, &byte, 1) != 1) {
    perror("read");
    return 1;
  }
  printf("char from server = %c\n", byte);
  close(fd);
  return 0;
}
