// A model's thoughts apart from its answer, and a limit to them:
//   dotnet run -c Release --project samples/Thoughts [PACKAGE [QUESTION]]
// Without a package the device assistant answers. It was never taught to think, so what it thinks makes no sense: the
// template below opens its thoughts, as those of reasoning models do, and the effort closes them.
using Microsoft.Extensions.AI;
using Slipway;

const string Assistant = "models/device-assistant/int4";
const string ThinkingTemplate =
    "{%- for message in messages %}{{- '<|' + message.role + '|>' + message.content + '<|end|>' }}{%- endfor %}"
    + "{{- '<|assistant|>' }}{%- if enable_thinking is not defined or enable_thinking %}{{- '<think>' }}{%- endif %}"
    + "{#- </think> #}";

using IChatClient client = new OnnxChatClient(new OnnxChatClientOptions
{
    PackagePath = args.ElementAtOrDefault(0) ?? Assistant,
    ChatTemplate = args.Length == 0 ? ThinkingTemplate : null,
});
var question = args.ElementAtOrDefault(1) ?? "Hello!";

foreach (var effort in new[] { ReasoningEffort.None, ReasoningEffort.Low })
{
    Console.WriteLine($"== effort {effort}");
    var options = new ChatOptions
    {
        Temperature = 0, MaxOutputTokens = args.Length == 0 ? 32 : 2_000, Reasoning = new() { Effort = effort },
    };
    var thinks = false;
    List<ChatResponseUpdate> updates = [];
    await foreach (var update in client.GetStreamingResponseAsync(question, options))
    {
        updates.Add(update);
        foreach (var content in update.Contents)
        {
            // Thoughts are contents of their own and never part of Text, so whoever shows Text alone shows none.
            if (content is TextReasoningContent thought)
            {
                Console.Write(thinks ? thought.Text : $"(thinks) {thought.Text}");
                thinks = true;
            }
            else if (content is TextContent text)
            {
                Console.Write(thinks ? $"\n(says) {text.Text}" : text.Text);
                thinks = false;
            }
        }
    }

    var usage = updates.ToChatResponse().Usage!;
    Console.WriteLine();
    Console.WriteLine($"{usage.ReasoningTokenCount} of {usage.OutputTokenCount} tokens were thoughts.");
}
