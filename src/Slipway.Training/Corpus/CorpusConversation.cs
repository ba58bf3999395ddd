using System.Text.Json.Nodes;

namespace Slipway.Training.Corpus;

/// <summary>Holds a generated conversation and what its last answer is.</summary>
/// <param name="Kind">
/// What the last message is: <c>call</c>, <c>two-calls</c>, <c>follow-up</c> (these carry <c>tool_calls</c>),
/// <c>answer</c> (tells a tool's result), <c>refusal</c> or <c>small-talk</c>.
/// </param>
/// <param name="Messages">The messages; the last one is the assistant's.</param>
/// <param name="Tools">The tools offered; null where there are none.</param>
public sealed record CorpusConversation(string Kind, JsonArray Messages, JsonArray? Tools);
