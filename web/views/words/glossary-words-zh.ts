// The glossary in Simplified Chinese.
import type { GlossaryWords } from './glossary-words.ts';

export const glossaryWordsZh: GlossaryWords = {
  glossary: {
    explain: (term) => `什么是：${term}`,
    terms: {
      socket: {
        title: '套接字（socket）',
        means: '对话的一端，由内核保管：一个地址、一个状态、两个字节队列。程序通过描述符持有它。',
        written: ['监听套接字', '套接字'],
      },
      descriptor: {
        title: '描述符（descriptor）',
        means: '一个小整数，代表进程打开的某样东西。内核总是给出最小的空闲号；close() 之后同一个号可能再被使用。',
        written: ['描述符'],
      },
      backlog: {
        title: 'backlog',
        means: 'listen() 的第二个参数：接受队列可以有多长。Linux 会多放进一个，并且不超过 net.core.somaxconn。它并不限制正在服务的连接数。',
        written: ['backlog'],
      },
      acceptQueue: {
        title: '接受队列（accept queue）',
        means: '内核已完成握手、但程序还没有用 accept() 取走的连接。队列满时 Linux 丢弃新的 SYN；没有人被拒绝，发送方会自行重试。',
        written: ['接受队列'],
      },
      handshake: {
        title: '握手（handshake）',
        means: 'SYN、SYN ACK、ACK：两个内核用三个报文段约定开始对话。两边的程序都不参与；accept() 只是取走结果。',
        written: ['握手'],
      },
      segment: {
        title: '报文段（segment）',
        means: 'TCP 一次发送的单位：带有标志和编号的首部，可能还有数据字节。在线路上它装在 IP 包里。',
        written: ['报文段'],
      },
      syn: { title: 'SYN', means: '连接的第一个报文段所带的标志：“我们来约定从哪里开始计数”。', written: ['SYN ACK', 'SYN'] },
      fin: { title: 'FIN', means: '有序结束一个方向的标志：它之前的字节全部到达，然后 read() 返回 0。另一个方向继续。', written: ['FIN'] },
      rst: {
        title: 'RST',
        means: '重置：连接的两个方向立即终止，途中的字节丢失。无人监听时它是对 SYN 的回答；还有未读数据就 close() 时也会发出。',
        written: ['RST'],
      },
      halfClose: {
        title: '半关闭（half-close）',
        means: 'shutdown(SHUT_WR)：“我写完了，但还在读”。FIN 发出，描述符仍然打开。',
        written: ['半关闭', '不再发送', '我写完了'],
      },
      timeWait: {
        title: 'TIME-WAIT',
        means: '先关闭的一方把这对地址保留一段时间（Linux 上一分钟），免得迟到的报文段被当成新连接的。它不占描述符；SO_REUSEADDR 允许服务器在此期间重新绑定。',
        written: ['TIME-WAIT'],
      },
      nonBlocking: {
        title: '非阻塞（non-blocking）',
        means: '带 O_NONBLOCK 的套接字从不让进程睡眠：现在做不到的调用返回 -1 和 EAGAIN，connect() 则返回 EINPROGRESS。',
        written: ['非阻塞'],
      },
      eagain: { title: 'EAGAIN', means: '现在不行：没有可读的、没有可接受的，或没有空间可写。这不是失败；用 epoll 等待，然后再调用。', written: ['EAGAIN'] },
      epoll: { title: 'epoll', means: 'Linux 让进程睡到许多描述符之一有动静为止的办法：epoll_ctl() 登记，epoll_wait() 睡眠并报告。', written: ['epoll'] },
      endOfFile: { title: '文件结束（end of file）', means: 'read() 返回 0：对方已发出 FIN，它之前的内容都已读完。', written: ['文件结束'] },
      hold: {
        title: '保持（hold）',
        means: '这个服务器在应答之前把字节留住多久。它属于这个练习，不属于 TCP：好让你有时间看清。',
        written: ['保持时间', '保持'],
      },
      sendQueue: { title: '发送队列', means: 'write() 已交给内核、而对方尚未确认的字节。字节一到这里，write() 就返回。', written: ['发送队列'] },
      receiveQueue: { title: '接收队列', means: '已经到达、而程序还没有读取的字节。', written: ['接收队列'] },
      port: {
        title: '端口（port）',
        means: '1 到 65535 之间的数，用来区分同一地址上的不同对话。服务器绑定一个众所周知的；connect() 由内核分配一个空闲的。',
        written: ['本地端口', '端口'],
      },
    },
  },
};
