// Command tlogcheck reads a log's verifier line, checkpoint, leaves and proofs, and checks them with Go's
// own implementation of signed notes and transparency logs. It exits 0 only if everything holds.
//
//	tlogcheck DIR
//
// DIR holds log.pub (verifier key line), checkpoint (signed note), leaves.ndjson (each line one leaf's
// exact bytes) and proofs.json (see type proofs).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofs are against the checkpoint's tree; hashes are base64.
type proofs struct {
	Inclusion []struct {
		Index int64
		Proof tlog.RecordProof
	}
	Consistency []struct {
		Size  int64
		Root  tlog.Hash
		Proof tlog.TreeProof
	}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: tlogcheck DIR")
	}
	dir := os.Args[1]
	tree := openCheckpoint(read(dir, "log.pub"), read(dir, "checkpoint"))
	leaves := bytes.Split(bytes.TrimSuffix(read(dir, "leaves.ndjson"), []byte("\n")), []byte("\n"))
	checkRoot(tree, leaves)

	var given proofs
	if err := json.Unmarshal(read(dir, "proofs.json"), &given); err != nil {
		log.Fatalf("proofs.json: %v", err)
	}
	for _, p := range given.Inclusion {
		if err := tlog.CheckRecord(p.Proof, tree.N, tree.Hash, p.Index, tlog.RecordHash(leaves[p.Index])); err != nil {
			log.Fatalf("leaf %d: %v", p.Index, err)
		}
	}
	for _, p := range given.Consistency {
		if err := tlog.CheckTree(p.Proof, tree.N, tree.Hash, p.Size, p.Root); err != nil {
			log.Fatalf("tree of %d: %v", p.Size, err)
		}
	}
	fmt.Printf("%d leaves, %d inclusion proofs, %d consistency proofs hold\n",
		len(leaves), len(given.Inclusion), len(given.Consistency))
}

// openCheckpoint checks the signature and reads the three lines of C2SP tlog-checkpoint.
func openCheckpoint(key, checkpoint []byte) tlog.Tree {
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(key), "\n"))
	if err != nil {
		log.Fatalf("log.pub: %v", err)
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		log.Fatalf("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		log.Fatalf("checkpoint: not three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		log.Fatalf("checkpoint: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		log.Fatalf("checkpoint: %v", err)
	}
	return tlog.Tree{N: size, Hash: root}
}

// checkRoot builds the tree from the leaves alone.
func checkRoot(tree tlog.Tree, leaves [][]byte) {
	if int64(len(leaves)) != tree.N {
		log.Fatalf("%d leaves under a checkpoint of %d", len(leaves), tree.N)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for index, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(index), leaf, reader)
		if err != nil {
			log.Fatalf("leaf %d: %v", index, err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		log.Fatal(err)
	}
	if root != tree.Hash {
		log.Fatalf("the leaves make root %v, the checkpoint says %v", root, tree.Hash)
	}
}

func read(dir, name string) []byte {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	return data
}
