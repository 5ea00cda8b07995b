package client_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

// addition is the example of that name as a zip.
func addition() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := firstOf(z.AddFS(os.DirFS(examples("addition"))), z.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func Example() {
	url, stop := serve() // a server, and the task addition in it
	defer stop()
	ctx := context.Background()

	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	job, err := c.SubmitJob(ctx, ratchet.JobRequest{
		Task: "addition", Input: json.RawMessage(`{"num1": 5, "num2": 10}`),
		IdempotencyKey: "order-4711", // sent again, it is the same job
	})
	if err != nil {
		log.Fatal(err)
	}
	job, err = c.Wait(ctx, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Status, string(job.Output))
	// Output: completed {"product":50,"sum":15}
}

func ExampleClient_RegisterTask() {
	url, stop := serve()
	defer stop()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}

	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	if err := z.AddFS(os.DirFS("../examples/addition")); err != nil {
		log.Fatal(err)
	}
	if err := z.Close(); err != nil {
		log.Fatal(err)
	}
	task, err := c.RegisterTask(context.Background(), archive.Bytes(), false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(task.Name, task.Created) // the server had the same content already
	// Output: addition false
}

func ExampleClient_RunTask() {
	url, stop := serve()
	defer stop()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}

	job, done, err := c.RunTask(context.Background(), "addition", json.RawMessage(`{"num1": 2, "num2": 3}`), client.RunOptions{Wait: 20 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done, job.Attempts, string(job.Output))
	// Output: true 1 {"product":6,"sum":5}
}

// What is wrong with a request is told all at once.
func ExampleError() {
	url, stop := serve()
	defer stop()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}

	_, err = c.SubmitJob(context.Background(), ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"num1": "five"}`)})
	var problem *ratchet.Error
	if errors.As(err, &problem) {
		fmt.Println(problem.Code, problem.Reason)
		for _, d := range problem.Details {
			fmt.Println(d.Pointer, d.Message)
		}
	}
	// Output:
	// invalid INPUT_INVALID
	// /input the property "num2" is missing
	// /input/num1 wrong type
}

func ExampleEach() {
	url, stop := serve()
	defer stop()
	ctx := context.Background()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}

	for task, err := range client.Each(ctx, ratchet.Query{Sort: []ratchet.Sort{{Field: "name"}}}, c.Tasks) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(task.Name)
	}
	// Output: addition
}

func ExampleClient_Follow() {
	url, stop := serve()
	defer stop()
	ctx := context.Background()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	job, err := c.SubmitJob(ctx, ratchet.JobRequest{Task: "addition", Input: json.RawMessage(`{"num1": 1, "num2": 1}`)})
	if err != nil {
		log.Fatal(err)
	}

	for event, err := range c.Follow(ctx, job.ID) {
		switch {
		case err != nil:
			log.Fatal(err)
		case event.Log != nil:
			fmt.Println(event.Log.Message)
		case event.State.Terminal():
			fmt.Println(event.Status)
		}
	}
	// Output: completed
}
