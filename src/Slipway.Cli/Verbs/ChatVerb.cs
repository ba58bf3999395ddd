using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Holds a conversation in the terminal, or gives one answer.</summary>
internal static class ChatVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder with a chat template." };
        var message = new Option<string?>("--message", "-m")
        {
            Description = "Give one answer instead of a conversation.",
        };
        var system = new Option<string?>("--system")
        {
            Description = "What the model is told before the conversation.",
        };
        var tools = new Option<string?>("--tools")
        {
            Description = "A JSON list of tools in OpenAI's form; their calls are shown, not run.",
        };
        var maxTokens = new Option<int?>("--max-tokens") { Description = "The most tokens of an answer." };
        var adapter = new Option<string?>("--adapter") { Description = "The package's LoRA adapter to answer with." };
        var sampling = new SamplingArguments();
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "chat", "Talk to a model. Example: slipway chat package, then type; an empty line ends.")
        {
            package, message, system, tools, adapter, maxTokens, json,
        };
        sampling.AddTo(command);
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var client = new OnnxChatClient(new OnnxChatClientOptions
            {
                PackagePath = result.GetRequiredValue(package), Adapter = result.GetValue(adapter),
                Model = resources.Read(result) with { DraftModel = sampling.DraftModel(result) },
            });
            var options = new ChatOptions
            {
                MaxOutputTokens = result.GetValue(maxTokens),
                RawRepresentationFactory = _ => sampling.ReadChat(result),
                Tools = result.GetValue(tools) is { } file ? [.. ToolFile.Read(context, file)] : null,
            };
            List<ChatMessage> history = [];
            if (result.GetValue(system) is { } text)
            {
                history.Add(new ChatMessage(ChatRole.System, text));
            }

            if (result.GetValue(message) is { } single)
            {
                history.Add(new ChatMessage(ChatRole.User, single));
                var answer = await AnswerAsync(
                    context, client, history, options, result.GetValue(json), cancellationToken).ConfigureAwait(false);
                if (result.GetValue(json))
                {
                    context.WriteJson(ToJson(answer));
                }

                return 0;
            }

            var answers = await TalkAsync(context, client, history, options, result.GetValue(json), cancellationToken)
                .ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonArray([.. answers.Select(answer => (JsonNode)ToJson(answer))]));
            }

            return 0;
        });
        return command;
    }

    private static async Task<List<ChatResponse>> TalkAsync(
        VerbContext context, IChatClient client, List<ChatMessage> history, ChatOptions options, bool json,
        CancellationToken cancellationToken)
    {
        if (context.IsInteractive)
        {
            await context.Error.WriteLineAsync("An empty line ends the conversation.").ConfigureAwait(false);
        }

        List<ChatResponse> answers = [];
        while (true)
        {
            if (context.IsInteractive)
            {
                await context.Error.WriteAsync("> ").ConfigureAwait(false);
            }

            // A console's ReadLineAsync blocks its caller and does not see Ctrl-C.
            var line = await Task.Run(context.Input.ReadLine, cancellationToken).WaitAsync(cancellationToken)
                .ConfigureAwait(false);
            if (string.IsNullOrWhiteSpace(line))
            {
                return answers;
            }

            history.Add(new ChatMessage(ChatRole.User, line));
            answers.Add(
                await AnswerAsync(context, client, history, options, json, cancellationToken).ConfigureAwait(false));
        }
    }

    private static async Task<ChatResponse> AnswerAsync(
        VerbContext context, IChatClient client, List<ChatMessage> history, ChatOptions options, bool json,
        CancellationToken cancellationToken)
    {
        List<ChatResponseUpdate> updates = [];
        await foreach (var update in client.GetStreamingResponseAsync(history, options, cancellationToken)
            .ConfigureAwait(false))
        {
            updates.Add(update);
            if (!json)
            {
                await context.Output.WriteAsync(update.Text).ConfigureAwait(false);
                foreach (var call in update.Contents.OfType<FunctionCallContent>())
                {
                    await context.Output.WriteAsync($"[{call.Name} {Arguments(call).ToJsonString()}]")
                        .ConfigureAwait(false);
                }

                await context.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        var response = updates.ToChatResponse();
        history.AddRange(response.Messages);
        if (!json)
        {
            await context.Output.WriteLineAsync().ConfigureAwait(false);
        }

        return response;
    }

    private static JsonObject ToJson(ChatResponse response) => new()
    {
        ["text"] = response.Text,
        ["tool_calls"] = new JsonArray([.. response.Messages.SelectMany(message => message.Contents)
            .OfType<FunctionCallContent>()
            .Select(call => (JsonNode)new JsonObject { ["name"] = call.Name, ["arguments"] = Arguments(call) })]),
        ["finish_reason"] = response.FinishReason?.Value,
        ["model"] = response.ModelId,
        ["usage"] = response.Usage is { } usage
            ? new JsonObject
            {
                ["prompt_tokens"] = usage.InputTokenCount,
                ["output_tokens"] = usage.OutputTokenCount,
                ["total_tokens"] = usage.TotalTokenCount,
            }
            : null,
    };

    private static JsonObject Arguments(FunctionCallContent call) => new(
        (call.Arguments ?? new Dictionary<string, object?>()).Select(argument => KeyValuePair.Create(
            argument.Key,
            JsonSerializer.SerializeToNode(
                argument.Value, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(object))))));
}
