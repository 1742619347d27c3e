// The official JavaScript client holds a conversation; prints what came of it as JSON.
// Arguments: the emulator's base URL.
"use strict";
const { GoogleGenAI, Modality } = require("@google/genai");

const declaration = {
  name: "get_weather",
  parameters: { type: "OBJECT", properties: { city: { type: "STRING" } }, required: ["city"] },
};

async function live(ai) {
  const inbox = [];
  let wake = () => {};
  const session = await ai.live.connect({
    model: "gemini-3.8-live",
    config: {
      responseModalities: [Modality.AUDIO],
      outputAudioTranscription: {},
      inputAudioTranscription: {},
      systemInstruction: "Be brief.",
      tools: [{ functionDeclarations: [declaration] }],
    },
    callbacks: { onmessage: (message) => { inbox.push(message); wake(); } },
  });
  async function turn() {
    const told = { text: "", heard: "", audio: 0, calls: [], tokens: 0 };
    for (;;) {
      while (inbox.length === 0) await new Promise((resolve) => { wake = resolve; });
      const message = inbox.shift();
      const content = message.serverContent || {};
      told.text += content.outputTranscription?.text || "";
      told.heard += content.inputTranscription?.text || "";
      told.audio += Buffer.from(message.data || "", "base64").length;
      told.tokens = message.usageMetadata?.totalTokenCount || told.tokens;
      for (const call of message.toolCall?.functionCalls || []) {
        told.calls.push([call.name, call.args]);
        const answer = { id: call.id, name: call.name, response: { output: "sunny" } };
        session.sendToolResponse({ functionResponses: [answer] });
      }
      if (content.turnComplete) return told;
    }
  }
  const told = [];
  session.sendClientContent({ turns: "Hello", turnComplete: true });
  told.push(await turn());
  session.sendRealtimeInput({ text: "What is the weather in Rome?" });
  told.push(await turn());
  const loud = Buffer.alloc(24000);
  for (let at = 0; at < 12000; at++) loud.writeInt16LE(Math.floor(at / 20) % 2 ? 12000 : -12000, 2 * at);
  for (const sound of [loud, Buffer.alloc(24000)]) {
    const audio = { data: sound.toString("base64"), mimeType: "audio/pcm;rate=16000" };
    session.sendRealtimeInput({ audio });
  }
  told.push(await turn());
  session.sendContextUpdate({ systemInstruction: "Be kind.", tools: [] });
  session.sendClientContent({ turns: "What are your instructions?", turnComplete: true });
  told.push(await turn());
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
  await session.setMusicGenerationConfig({ musicGenerationConfig: { bpm: 100 } });
  session.play();
  const chunk = await first;
  session.close();
  return {
    audio: Buffer.from(chunk.data, "base64").length,
    bpm: chunk.sourceMetadata.musicGenerationConfig.bpm,
  };
}

async function main() {
  const ai = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: process.argv[2] } });
  console.log(JSON.stringify({ live: await live(ai), music: await music(ai) }));
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
