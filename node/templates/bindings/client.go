
// What follows is the same in every client.

// Client is the function at a node.
type Client struct {
	// Node is the node's address, such as http://127.0.0.1:8080.
	Node string

	// Function is the name that is called; another one must have the same interface.
	Function string

	// HTTP sends the requests; http.DefaultClient when it is nil.
	HTTP *http.Client

	// Header is sent with each call; it may have an Idempotency-Key.
	Header http.Header

	// Answered is told the address and the fuel of each call that was answered; it may be nil.
	Answered func(call string, fuel uint64)
}

// New is a client of the function at a node.
func New(node string) *Client {
	return &Client{Node: strings.TrimRight(node, "/"), Function: function}
}

// Failed is the error of a function that answered with the error of its result.
type Failed[E any] struct {
	Value   E
	Problem *Problem
}

func (failed *Failed[E]) Error() string {
	return "the function failed: " + failed.Problem.Detail
}

func (failed *Failed[E]) Unwrap() error {
	return failed.Problem
}

// Problem is why a node has no answer (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Call   string `json:"call"`
}

func (problem *Problem) Error() string {
	return problem.Detail
}

// Kind is the last part of the type, for comparing: out-of-fuel, no-such-function.
func (problem *Problem) Kind() string {
	return problem.Type[strings.LastIndex(problem.Type, "#")+1:]
}

// arguments of a call, and the first of them that has no JSON.
type arguments struct {
	values []any
	err    error
}

func argument[T any](arguments *arguments, codec codec[T], value T) {
	written, err := codec.write(value)
	if err != nil && arguments.err == nil {
		arguments.err = fmt.Errorf("argument %d: %w", len(arguments.values)+1, err)
	}
	arguments.values = append(arguments.values, written)
}

func call[T any](ctx context.Context, client *Client, path string, arguments arguments, answer codec[T], failure func(*Problem) error) (T, error) {
	var none T
	if arguments.err != nil {
		return none, arguments.err
	}
	if arguments.values == nil {
		arguments.values = []any{}
	}
	body, err := json.Marshal(arguments.values)
	if err != nil {
		return none, err
	}
	// Slashes stay, and what begins a fragment does not.
	url := client.Node + "/_moot/functions/" + client.Function + "/call/" + strings.ReplaceAll(path, "#", "%23")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	for name, values := range client.Header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	sender := client.HTTP
	if sender == nil {
		sender = http.DefaultClient
	}
	response, err := sender.Do(request)
	if err != nil {
		return none, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return none, err
	}
	if response.StatusCode != http.StatusOK {
		problem := &Problem{Detail: fmt.Sprintf("the node answered %s", response.Status)}
		// What is no problem document has no detail, and keeps the one above.
		_ = json.Unmarshal(text, problem)
		problem.Status = response.StatusCode
		if problem.Status == http.StatusUnprocessableEntity && problem.Kind() == "function-failed" && failure != nil {
			return none, failure(problem)
		}
		return none, problem
	}
	if client.Answered != nil {
		fuel, _ := strconv.ParseUint(response.Header.Get("Moot-Fuel"), 10, 64)
		client.Answered(response.Header.Get("Moot-Call"), fuel)
	}
	parsed, err := parse(text)
	if err != nil {
		return none, err
	}
	value, err := answer.read(parsed)
	if err != nil {
		return none, fmt.Errorf("the answer is not of its type: %w", err)
	}
	return value, nil
}

func failed[E any](codec codec[E]) func(*Problem) error {
	return func(problem *Problem) error {
		parsed, err := parse([]byte(problem.Detail))
		if err != nil {
			return problem
		}
		value, err := codec.read(parsed)
		if err != nil {
			return problem
		}
		return &Failed[E]{Value: value, Problem: problem}
	}
}

// parse keeps every digit of a number.
func parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// codec is how a type is written as JSON, and read from it.
type codec[T any] struct {
	write func(T) (any, error)
	read  func(any) (T, error)
}

func mismatch(wanted string, found any) error {
	return fmt.Errorf("%.80q is not %s", fmt.Sprint(found), wanted)
}

// plain is a codec of a type that JSON has itself.
func plain[T any](wanted string) codec[T] {
	return codec[T]{
		write: func(value T) (any, error) { return value, nil },
		read: func(json any) (T, error) {
			value, ok := json.(T)
			if !ok {
				return value, mismatch(wanted, json)
			}
			return value, nil
		},
	}
}

var boolCodec = plain[bool]("a bool")

var textCodec = codec[string]{
	write: func(value string) (any, error) {
		if !utf8.ValidString(value) {
			return nil, mismatch("text in UTF-8", value)
		}
		return value, nil
	},
	read: plain[string]("a string").read,
}

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64
}

// integers are numbers in JSON, or decimal text.
func integers[T integer](name string, bits int, signed bool) codec[T] {
	return codec[T]{
		write: func(value T) (any, error) {
			text := fmt.Sprint(value)
			// Beyond what every reader of JSON has exactly it is decimal text.
			if float64(value) > 1<<53-1 || float64(value) < -(1<<53-1) {
				return text, nil
			}
			return json.Number(text), nil
		},
		read: func(found any) (T, error) {
			var text string
			switch found := found.(type) {
			case json.Number:
				text = found.String()
			case string:
				text = found
			}
			if signed {
				value, err := strconv.ParseInt(text, 10, bits)
				if err != nil {
					return 0, mismatch(name, found)
				}
				return T(value), nil
			}
			value, err := strconv.ParseUint(text, 10, bits)
			if err != nil {
				return 0, mismatch(name, found)
			}
			return T(value), nil
		},
	}
}

var (
	u8Codec  = integers[uint8]("u8", 8, false)
	u16Codec = integers[uint16]("u16", 16, false)
	u32Codec = integers[uint32]("u32", 32, false)
	u64Codec = integers[uint64]("u64", 64, false)
	s8Codec  = integers[int8]("s8", 8, true)
	s16Codec = integers[int16]("s16", 16, true)
	s32Codec = integers[int32]("s32", 32, true)
	s64Codec = integers[int64]("s64", 64, true)
	f32Codec = floats[float32](32)
	f64Codec = floats[float64](64)
)

func floats[T float32 | float64](bits int) codec[T] {
	return codec[T]{
		write: func(value T) (any, error) {
			switch {
			case math.IsNaN(float64(value)):
				return "NaN", nil
			case math.IsInf(float64(value), 1):
				return "Infinity", nil
			case math.IsInf(float64(value), -1):
				return "-Infinity", nil
			}
			// With an exponent: an integer would be taken for an exact one.
			return json.Number(strconv.FormatFloat(float64(value), 'e', -1, bits)), nil
		},
		read: func(found any) (T, error) {
			switch found := found.(type) {
			case json.Number:
				value, err := strconv.ParseFloat(found.String(), bits)
				return T(value), err
			case string:
				if found == "NaN" || found == "Infinity" || found == "-Infinity" {
					value, err := strconv.ParseFloat(found, bits)
					return T(value), err
				}
			}
			return 0, mismatch("a number", found)
		},
	}
}

var charCodec = codec[rune]{
	write: func(value rune) (any, error) {
		if !utf8.ValidRune(value) {
			return nil, mismatch("a character", value)
		}
		return string(value), nil
	},
	read: func(found any) (rune, error) {
		text, _ := found.(string)
		value, size := utf8.DecodeRuneInString(text)
		if size == 0 || size != len(text) {
			return 0, mismatch("a character", found)
		}
		return value, nil
	},
}

var bytesCodec = codec[[]byte]{
	write: func(value []byte) (any, error) { return base64.StdEncoding.EncodeToString(value), nil },
	read: func(found any) ([]byte, error) {
		text, ok := found.(string)
		if !ok {
			return nil, mismatch("base64", found)
		}
		return base64.StdEncoding.DecodeString(text)
	},
}

var unitCodec = codec[struct{}]{
	write: func(struct{}) (any, error) { return nil, nil },
	read: func(found any) (struct{}, error) {
		if found != nil {
			return struct{}{}, mismatch("null", found)
		}
		return struct{}{}, nil
	},
}

// list is a codec of a list; length is below zero when it may have any.
func list[T any](element codec[T], length int) codec[[]T] {
	return codec[[]T]{
		write: func(values []T) (any, error) {
			if length >= 0 && len(values) != length {
				return nil, mismatch(fmt.Sprintf("a list of %d", length), values)
			}
			written := make([]any, len(values))
			for at, value := range values {
				one, err := element.write(value)
				if err != nil {
					return nil, fmt.Errorf("[%d]: %w", at, err)
				}
				written[at] = one
			}
			return written, nil
		},
		read: func(found any) ([]T, error) {
			all, ok := found.([]any)
			if !ok || length >= 0 && len(all) != length {
				return nil, mismatch("a list", found)
			}
			values := make([]T, len(all))
			for at, one := range all {
				value, err := element.read(one)
				if err != nil {
					return nil, fmt.Errorf("[%d]: %w", at, err)
				}
				values[at] = value
			}
			return values, nil
		},
	}
}

// option is a codec of a value or nil; wrapped where the value may be null itself.
func option[T any](inner codec[T], wrapped bool) codec[*T] {
	return codec[*T]{
		write: func(value *T) (any, error) {
			if value == nil {
				return nil, nil
			}
			written, err := inner.write(*value)
			if wrapped {
				return map[string]any{"some": written}, err
			}
			return written, err
		},
		read: func(found any) (*T, error) {
			if found == nil {
				return nil, nil
			}
			if wrapped {
				object, ok := found.(map[string]any)
				if !ok || len(object) != 1 {
					return nil, mismatch("null or an object with some", found)
				}
				found = object["some"]
			}
			value, err := inner.read(found)
			return &value, err
		},
	}
}

// Result is a result where it is a value: one of both is there. A function's own error is a Failed.
type Result[T, E any] struct {
	Ok  *T
	Err *E
}

func result[T, E any](ok codec[T], err codec[E]) codec[Result[T, E]] {
	return codec[Result[T, E]]{
		write: func(value Result[T, E]) (any, error) {
			if value.Ok != nil {
				return writeCase("ok", ok, *value.Ok)
			}
			if value.Err != nil {
				return writeCase("err", err, *value.Err)
			}
			return nil, mismatch("a result", value)
		},
		read: func(found any) (Result[T, E], error) {
			name, payload, wrong := readCase(found)
			if wrong == nil && name == "ok" {
				value, wrong := ok.read(payload.value)
				return Result[T, E]{Ok: &value}, wrong
			}
			if wrong == nil && name == "err" {
				value, wrong := err.read(payload.value)
				return Result[T, E]{Err: &value}, wrong
			}
			return Result[T, E]{}, mismatch("a result", found)
		},
	}
}

// payload of a case, if it has one.
type payload struct {
	value any
	given bool
}

func writeCase[T any](name string, codec codec[T], value T) (any, error) {
	written, err := codec.write(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return map[string]any{name: written}, nil
}

func readCase(found any) (string, payload, error) {
	switch found := found.(type) {
	case string:
		return found, payload{}, nil
	case map[string]any:
		for name, value := range found {
			if len(found) == 1 {
				return name, payload{value, true}, nil
			}
		}
	}
	return "", payload{}, mismatch("a case", found)
}

func readPayload[T any](payload payload, codec codec[T]) (T, error) {
	if !payload.given {
		var none T
		return none, mismatch("a case with a payload", "nothing")
	}
	return codec.read(payload.value)
}

func noPayload(payload payload) error {
	if payload.given {
		return mismatch("a case without a payload", payload.value)
	}
	return nil
}

func writeNames(all []string, set []bool) (any, error) {
	names := []any{}
	for at, name := range all {
		if set[at] {
			names = append(names, name)
		}
	}
	return names, nil
}

func readNames(all []string, found any) ([]bool, error) {
	names, ok := found.([]any)
	if !ok {
		return nil, mismatch("a list of names", found)
	}
	set := make([]bool, len(all))
	for _, name := range names {
		at := slices.Index(all, fmt.Sprint(name))
		if at < 0 {
			return nil, mismatch("one of "+strings.Join(all, ", "), name)
		}
		set[at] = true
	}
	return set, nil
}

// parts are the fields of a record, or the parts of a tuple, and the first that does not fit.
type parts struct {
	object map[string]any
	list   []any
	err    error
}

func readObject(found any) *parts {
	object, ok := found.(map[string]any)
	if !ok {
		return &parts{err: mismatch("an object", found)}
	}
	return &parts{object: object}
}

func readTuple(found any, length int) *parts {
	list, ok := found.([]any)
	if !ok || len(list) != length {
		return &parts{err: mismatch(fmt.Sprintf("an array of %d", length), found)}
	}
	return &parts{list: list}
}

func put[T any](parts *parts, name string, codec codec[T], value T) {
	written, err := codec.write(value)
	if err != nil && parts.err == nil {
		parts.err = fmt.Errorf("%s: %w", name, err)
	}
	parts.object[name] = written
}

func get[T any](parts *parts, name string, codec codec[T]) T {
	var none T
	if parts.err != nil {
		return none
	}
	value, err := codec.read(parts.object[name])
	if err != nil {
		parts.err = fmt.Errorf("%s: %w", name, err)
	}
	return value
}

func add[T any](parts *parts, codec codec[T], value T) {
	written, err := codec.write(value)
	if err != nil && parts.err == nil {
		parts.err = fmt.Errorf("[%d]: %w", len(parts.list), err)
	}
	parts.list = append(parts.list, written)
}

func take[T any](parts *parts, at int, codec codec[T]) T {
	var none T
	if parts.err != nil {
		return none
	}
	value, err := codec.read(parts.list[at])
	if err != nil {
		parts.err = fmt.Errorf("[%d]: %w", at, err)
	}
	return value
}
