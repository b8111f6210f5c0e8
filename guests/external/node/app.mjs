// Counts words. An ordinary Lambda handler: nothing in it is of this platform.
export async function handler(event, context) {
  if (typeof event.text !== "string") {
    throw new TypeError('send {"text": "..."}');
  }
  console.log(`call ${context.awsRequestId}: ${event.text.length} characters`);
  return { words: event.text.split(/\s+/u).filter((word) => word !== "").length };
}
