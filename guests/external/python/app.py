"""Counts words. An ordinary Lambda handler: nothing in it is of this platform."""


def handler(event, context):
    text = event.get("text")
    if not isinstance(text, str):
        raise ValueError('send {"text": "..."}')
    print(f"call {context.aws_request_id}: {len(text)} characters, {context.get_remaining_time_in_millis()} ms left")
    return {"words": len(text.split())}
