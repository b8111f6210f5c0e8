// Drives a CometBFT network: a closed loop of 256-byte transactions to every node's RPC, and a count of those in
// committed blocks, at each of several numbers of connections: with many the mempools are flooded and the cores busy
// with gossip, with few the blocks stay small. Nothing but Go's standard library.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bytes of a transaction: the key-value store takes `key=value`.
const txBytes = 256

type answer struct {
	Result struct {
		SyncInfo struct {
			Height string `json:"latest_block_height"`
		} `json:"sync_info"`
		Block struct {
			Data struct {
				Txs []string `json:"txs"`
			} `json:"data"`
		} `json:"block"`
		Code    uint32 `json:"code"`
		Waiting string `json:"total"`
	} `json:"result"`
	Error *struct {
		Message string `json:"message"`
		Data    string `json:"data"`
	} `json:"error"`
}

func ask(client *http.Client, method, url string, body []byte) (answer, error) {
	var said answer
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return said, err
	}
	response, err := client.Do(request)
	if err != nil {
		return said, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return said, err
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return said, fmt.Errorf("%s answered %q: %w", url, text, err)
	}
	return said, nil
}

func height(client *http.Client, rpc string) (int64, error) {
	said, err := ask(client, "GET", rpc+"/status", nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(said.Result.SyncInfo.Height, 10, 64)
}

func transaction(number uint64) []byte {
	text := fmt.Sprintf("k%016x=", number)
	return []byte(text + strings.Repeat("v", txBytes-len(text)))
}

func main() {
	rpcs := flag.String("rpc", "", "addresses, separated by commas")
	seconds := flag.Int("seconds", 20, "measured time")
	connections := flag.String("connections", "4,16,64", "connections to each node, separated by commas")
	flag.Parse()
	nodes := strings.Split(*rpcs, ",")
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1000},
	}
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for due := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if at, err := height(client, nodes[0]); err == nil && at > 2 {
			break
		} else if time.Now().After(due) {
			fail(fmt.Errorf("the network makes no blocks: height %d, %v", at, err))
		}
	}
	for _, text := range strings.Split(*connections, ",") {
		count, err := strconv.Atoi(text)
		if err != nil || count < 1 {
			fail(fmt.Errorf("-connections: %q is no number of connections", text))
		}
		if err := measure(client, nodes, count, time.Duration(*seconds)*time.Second); err != nil {
			fail(err)
		}
		if err := drained(client, nodes[0]); err != nil {
			fail(err)
		}
	}
}

// number is that of the last transaction: each is sent once.
var number atomic.Uint64

// measure prints what was committed in the time, with so many connections to each node.
func measure(client *http.Client, nodes []string, connections int, long time.Duration) error {
	var refused atomic.Uint64
	stop := make(chan struct{})
	for _, node := range nodes {
		for range connections {
			go send(client, node, &refused, stop)
		}
	}
	time.Sleep(5 * time.Second)
	from, err := height(client, nodes[0])
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(long)
	to, err := height(client, nodes[0])
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	close(stop)
	committed := 0
	for at := from + 1; at <= to; at++ {
		said, err := ask(client, "GET", fmt.Sprintf("%s/block?height=%d", nodes[0], at), nil)
		if err != nil {
			return err
		}
		committed += len(said.Result.Block.Data.Txs)
	}
	fmt.Printf("cometbft: %d connections a node: %.0f tx/s of %d bytes in %d blocks, %d refused\n",
		connections, float64(committed)/took, txBytes, to-from, refused.Load())
	return nil
}

// send sends one transaction after the other.
func send(client *http.Client, node string, refused *atomic.Uint64, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		tx := base64.StdEncoding.EncodeToString(transaction(number.Add(1)))
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{"tx":%q}}`, tx)
		said, err := ask(client, "POST", node, []byte(body))
		if err != nil || said.Error != nil || said.Result.Code != 0 {
			refused.Add(1)
			// A full mempool: room comes with the next block.
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// drained waits until no transaction waits for a block.
func drained(client *http.Client, rpc string) error {
	for due := time.Now().Add(120 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		said, err := ask(client, "GET", rpc+"/num_unconfirmed_txs", nil)
		if err == nil && said.Result.Waiting == "0" {
			return nil
		}
		if time.Now().After(due) {
			return fmt.Errorf("transactions still wait: %q, %v", said.Result.Waiting, err)
		}
	}
}
