// The work of `ipcbench`'s row shared-queue/stream/64 with Boost.Interprocess's message_queue: two threads of one process send
// messages of 64 bytes for as long as is asked, two other processes receive them, one by one, from a queue of 1,024. What arrives
// is compared with what was sent. Prints messages a second, from the first send until the last message has arrived.
//
//     boost-queue [SECONDS]

#include <boost/interprocess/ipc/message_queue.hpp>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace ipc = boost::interprocess;

constexpr std::size_t size = 64, capacity = 1024;
constexpr int senders = 2, receivers = 2;

struct Counts {
    std::atomic<std::uint64_t> sent, received, wrong, ended;
};

static std::uint64_t now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Eight words that follow from the number.
static void fill(std::uint64_t *words, std::uint64_t number)
{
    for (std::size_t index = 0; index < size / 8; index++)
        words[index] = number + index * 0x9e3779b97f4a7c15u;
}

static void receive(const std::string &name, Counts *counts)
{
    ipc::message_queue queue(ipc::open_only, name.c_str());
    std::uint64_t words[size / 8], expected[size / 8], count = 0;
    for (;;) {
        ipc::message_queue::size_type length = 0;
        unsigned priority = 0;
        queue.receive(words, sizeof words, length, priority);
        if (length == 0)
            break;
        fill(expected, words[0]);
        if (length != size || std::memcmp(words, expected, size) != 0)
            counts->wrong++;
        count++;
    }
    std::uint64_t end = now(), last = counts->ended.load();
    while (last < end && !counts->ended.compare_exchange_weak(last, end)) {
    }
    counts->received += count;
}

static void send(ipc::message_queue &queue, std::uint64_t end, Counts *counts)
{
    std::uint64_t words[size / 8], count = 0;
    do {
        fill(words, count);
        queue.send(words, sizeof words, 0);
        count++;
    } while (count % 64 != 0 || now() < end);
    counts->sent += count;
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
    const std::string name = "boost-queue-" + std::to_string(getpid());
    auto *counts = static_cast<Counts *>(
        mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (counts == MAP_FAILED)
        return 1;
    ipc::message_queue queue(ipc::create_only, name.c_str(), capacity, size);
    pid_t children[receivers];
    for (auto &child : children) {
        child = fork();
        if (child == 0) {
            receive(name, counts);
            _exit(0);
        }
    }
    const std::uint64_t start = now(), end = start + static_cast<std::uint64_t>(seconds * 1e9);
    std::thread threads[senders];
    for (auto &thread : threads)
        thread = std::thread(send, std::ref(queue), end, counts);
    for (auto &thread : threads)
        thread.join();
    for (int index = 0; index < receivers; index++)
        queue.send("", 0, 0);
    for (auto child : children)
        waitpid(child, nullptr, 0);
    ipc::message_queue::remove(name.c_str());
    if (counts->sent != counts->received || counts->wrong > 0) {
        std::fprintf(stderr, "%llu sent, %llu received, %llu wrong\n", static_cast<unsigned long long>(counts->sent),
                     static_cast<unsigned long long>(counts->received), static_cast<unsigned long long>(counts->wrong));
        return 1;
    }
    std::printf("%.3f million messages a second\n", counts->sent * 1e3 / (counts->ended - start));
    return 0;
}
