using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Cli.Verbs;

/// <summary>Renders a conversation with a chat template.</summary>
internal static class RenderVerb
{
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
        var now = new Option<string?>("--now")
        {
            Description = "The date that the template prints, such as 2025-07-10.",
        };
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
                throw new UsageException(
                    "The input is not a JSON object with the template's variables, such as 'messages'.");
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
            throw new UsageException(
                "There is no template to render. Name a package, a checkpoint or a file with --template.");
        }

        var config = TokenizerConfig.Read(source, name => TextSource.ReadFile(source, name));
        config.AddTo(variables);
        return ChatTemplate.Parse(
            config.ChatTemplate(variables.ContainsKey("tools"))
            ?? throw new UsageException($"'{source}' has no chat template. Name a template file with --template."));
    }

    private static DateTimeOffset Date(string? text) =>
        text is null ? TimeProvider.System.GetLocalNow()
        : DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
        : throw new UsageException($"'{text}' is no date; expected one such as '2025-07-10'.");
}
