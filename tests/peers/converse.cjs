// The official JavaScript client interrupts, resumes, is sent away and plays; prints what it saw.
// Arguments: the emulator's base URL.
"use strict";
const { GoogleGenAI, Modality } = require("@google/genai");

const config = {
  responseModalities: [Modality.AUDIO],
  outputAudioTranscription: {},
  inputAudioTranscription: {},
  tools: [{ functionDeclarations: [{
    name: "get_weather",
    behavior: "BLOCKING",
    parameters: { type: "OBJECT", properties: { city: { type: "STRING" } } },
  }] }],
};

// Keeps what arrives, and waits for a message that fits.
class Inbox {
  constructor() { this.waiting = []; this.wake = () => {}; this.handle = ""; this.clear(); }
  clear() {
    Object.assign(this, { text: "", tokens: 0, interrupted: false, calls: [], cancelled: [], goAway: null });
  }
  arrived(message) { this.waiting.push(message); this.wake(); }
  async until(wanted) {
    for (;;) {
      while (this.waiting.length === 0) await new Promise((resolve) => { this.wake = resolve; });
      const message = this.waiting.shift();
      this.add(message);
      if (wanted(message)) return;
    }
  }
  add(message) {
    const content = message.serverContent || {};
    this.text += content.outputTranscription?.text || "";
    this.interrupted ||= Boolean(content.interrupted);
    this.tokens = message.usageMetadata?.totalTokenCount || this.tokens;
    this.calls.push(...(message.toolCall?.functionCalls || []));
    this.cancelled.push(...(message.toolCallCancellation?.ids || []));
    this.goAway = message.goAway?.timeLeft || this.goAway;
    if (message.sessionResumptionUpdate?.resumable) this.handle = message.sessionResumptionUpdate.newHandle;
  }
}

const complete = (message) => Boolean(message.serverContent?.turnComplete);

async function live(ai) {
  const told = {};
  const seen = new Inbox();
  const open = (sessionResumption) => ai.live.connect({
    model: "gemini-3.8-live",
    config: { ...config, sessionResumption },
    callbacks: { onmessage: (message) => seen.arrived(message) },
  });
  let session = await open({});
  const say = (text) => session.sendClientContent({ turns: text, turnComplete: true });
  say("Tell me a story");
  await seen.until((message) => Boolean(message.data));
  say("Stop");
  await seen.until((message) => seen.interrupted && complete(message));
  told.interrupted = seen.text;
  seen.clear();
  await seen.until(complete);
  told.after = seen.text;
  told.tokens = seen.tokens;
  seen.clear();
  say("How is the weather in Rome?");
  await seen.until(() => seen.calls.length > 0);
  told.calls = seen.calls.map((call) => [call.name, call.args]);
  const ids = seen.calls.map((call) => call.id);
  say("Never mind");
  await seen.until(() => seen.cancelled.length > 0);
  told.cancelled = JSON.stringify(seen.cancelled) === JSON.stringify(ids);
  seen.clear();
  session.sendRealtimeInput({ audioStreamEnd: true });
  await seen.until(complete);
  say("goodbye");
  await seen.until(() => seen.goAway !== null);
  told.go_away = seen.goAway;
  await seen.until((message) => Boolean(message.sessionResumptionUpdate));
  session.close();
  seen.clear();
  session = await open({ handle: seen.handle });
  say("What did I say?");
  await seen.until(complete);
  told.resumed = seen.text;
  session.close();
  return told;
}

async function music(ai) {
  let arrived;
  const first = new Promise((resolve) => { arrived = resolve; });
  const session = await ai.live.music.connect({
    model: "models/lyria-realtime-exp",
    callbacks: {
      onmessage: (message) => {
        const chunk = message.serverContent?.audioChunks?.[0];
        if (chunk) arrived(chunk);
      },
    },
  });
  await session.setWeightedPrompts({ weightedPrompts: [{ text: "jazz", weight: 1.0 }] });
  await session.setMusicGenerationConfig({ musicGenerationConfig: { bpm: 100, scale: "C_MAJOR_A_MINOR" } });
  session.play();
  const chunk = await first;
  session.pause();
  session.close();
  return {
    audio: Buffer.from(chunk.data, "base64").length % 4,
    type: chunk.mimeType,
    prompt: chunk.sourceMetadata.clientContent.weightedPrompts[0].text,
    bpm: chunk.sourceMetadata.musicGenerationConfig.bpm,
  };
}

async function main() {
  const ai = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: process.argv[2] } });
  console.log(JSON.stringify({ live: await live(ai), music: await music(ai) }));
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
