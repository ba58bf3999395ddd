using System.Text.Json.Nodes;

namespace Slipway.Training.Data;

/// <summary>Holds one conversation to learn from: its messages and the tools that it offers.</summary>
/// <remarks>
/// The shape is the one that chat templates take and that data sets use: a message has <c>role</c>, <c>content</c>
/// and, where it applies, <c>tool_calls</c>; a tool is <c>{"type": "function", "function": {…}}</c>.
/// Whoever makes a conversation gives it away: nobody changes the nodes afterwards.
/// </remarks>
/// <param name="Messages">The messages in their order; at least one.</param>
/// <param name="Tools">The tools offered to the assistant; null where there are none.</param>
/// <param name="Tests">A program's text that checks the program of an answer; null for none.</param>
public sealed record Conversation(JsonArray Messages, JsonArray? Tools = null, string? Tests = null);
