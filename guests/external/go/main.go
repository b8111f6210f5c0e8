// Counts words. An ordinary Lambda handler: nothing in it is of this platform.
package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Text *string `json:"text"`
}

type answer struct {
	Words int `json:"words"`
}

func handle(ctx context.Context, e event) (answer, error) {
	if e.Text == nil {
		return answer{}, errors.New(`send {"text": "..."}`)
	}
	if call, ok := lambdacontext.FromContext(ctx); ok {
		log.Printf("call %s: %d bytes", call.AwsRequestID, len(*e.Text))
	}
	return answer{Words: len(strings.Fields(*e.Text))}, nil
}

func main() {
	lambda.Start(handle)
}
