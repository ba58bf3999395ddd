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
            Description = "A package, a checkpoint, a GGUF file or a folder with a chat template.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var template = new Option<string?>("--template") { Description = "A template file, instead of a source." };
        var name = new Option<string?>("--template-name")
        {
            Description = "One of the source's several templates: default, tool_use, rag, …; without it tool_use where "
                + "the input has tools and the source such a template, else default.",
        };
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
            source, template, name, input, now, json,
        };
        command.SetAction(result =>
        {
            if (InputFile.ReadJson(context, result.GetRequiredValue(input)) is not JsonObject variables)
            {
                throw new UsageException(
                    "The input is not a JSON object with the template's variables, such as 'messages'.");
            }

            var text = Find(
                result.GetValue(source), result.GetValue(template), result.GetValue(name), variables)
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

    private static ChatTemplate Find(string? source, string? file, string? name, JsonObject variables)
    {
        if (file is not null && name is not null)
        {
            throw new UsageException("'--template' is one template; leave '--template-name' out, or name a source.");
        }

        if (file is not null)
        {
            return ChatTemplate.Parse(InputFile.ReadText(file));
        }

        if (source is null)
        {
            throw new UsageException(
                "There is no template to render. Name a package, a checkpoint or a file with --template.");
        }

        var config = TokenizerConfig.Read(source, file => TextSource.ReadFile(source, file));
        config.AddTo(variables);
        var text = name is null ? config.ChatTemplate(variables.ContainsKey("tools")) : config.ChatTemplate(name);
        return ChatTemplate.Parse(text ?? throw new UsageException(
            $"'{source}' has no chat template{(name is null ? string.Empty : $" '{name}'")}. Name a template file with "
            + "--template."));
    }

    private static DateTimeOffset Date(string? text) =>
        text is null ? TimeProvider.System.GetLocalNow()
        : DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
        : throw new UsageException($"'{text}' is no date; expected one such as '2025-07-10'.");
}
