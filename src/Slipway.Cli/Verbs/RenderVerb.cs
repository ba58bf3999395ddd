using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Tokenization;

namespace Slipway.Cli.Verbs;

/// <summary>Renders a conversation with a chat template.</summary>
internal static class RenderVerb
{
    private static readonly string[] SpecialTokens =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private const string ConfigFile = "tokenizer_config.json";

    public static Command Create(VerbContext context)
    {
        var source = new Argument<string?>("SOURCE")
        {
            Description = "A package or checkpoint with a chat template.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var template = new Option<string?>("--template") { Description = "A template file, instead of a source." };
        var input = new Option<string>("--input", "-i")
        {
            Description = "The template's variables as JSON: messages, tools, add_generation_prompt, bos_token, …",
            Required = true,
        };
        var now = new Option<string?>("--now") { Description = "The date that the template prints, such as 2025-07-10." };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "render", "Show a conversation as the model reads it. Example: slipway render PACKAGE -i conversation.json")
        {
            source, template, input, now, json,
        };
        command.SetAction(result =>
        {
            if (InputFile.ReadJson(context, result.GetRequiredValue(input)) is not JsonObject variables)
            {
                throw new UsageException("The input is not a JSON object with the template's variables, such as 'messages'.");
            }

            var text = Find(result.GetValue(source), result.GetValue(template), variables)
                .Render(variables, Date(result.GetValue(now)));
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject { ["text"] = text });
            }
            else
            {
                context.Output.WriteLine(text);
            }

            return 0;
        });
        return command;
    }

    private static ChatTemplate Find(string? source, string? file, JsonObject variables)
    {
        if (file is not null)
        {
            return ChatTemplate.Parse(InputFile.ReadText(file));
        }

        if (source is null)
        {
            throw new UsageException("There is no template to render. Name a package, a checkpoint or a file with --template.");
        }

        var config = ReadConfig(source);
        foreach (var name in SpecialTokens)
        {
            var token = config?[name] is JsonObject added ? added["content"] : config?[name];
            if (token?.GetValueKind() == JsonValueKind.String)
            {
                variables.TryAdd(name, token.DeepClone());
            }
        }

        return ChatTemplate.Parse(
            TextSource.ReadText(source, "chat_template.jinja") ?? Named(config?["chat_template"], variables)
            ?? throw new UsageException($"'{source}' has no chat template. Name a template file with --template."));
    }

    private static JsonObject? ReadConfig(string source)
    {
        try
        {
            return TextSource.ReadText(source, ConfigFile) is { } text ? JsonNode.Parse(text) as JsonObject : null;
        }
        catch (JsonException exception)
        {
            throw new UsageException($"'{ConfigFile}' of '{source}' is not valid JSON: {exception.Message}");
        }
    }

    private static string? Named(JsonNode? templates, JsonObject variables) => templates switch
    {
        JsonValue single => Text(single),
        JsonArray list => (ByName(list, variables.ContainsKey("tools") ? "tool_use" : "default") ?? ByName(list, "default")),
        _ => null,
    };

    private static string? ByName(JsonArray list, string name) =>
        Text(list.OfType<JsonObject>().FirstOrDefault(entry => Text(entry["name"]) == name)?["template"]);

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static DateTimeOffset Date(string? text) =>
        text is null ? TimeProvider.System.GetLocalNow()
        : DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
        : throw new UsageException($"'{text}' is no date; expected one such as '2025-07-10'.");
}
