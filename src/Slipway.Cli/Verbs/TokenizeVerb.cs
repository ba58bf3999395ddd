using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Turns texts into token ids and back.</summary>
internal static class TokenizeVerb
{
    public static Command Create(VerbContext context)
    {
        var source = new Argument<string>("SOURCE")
        {
            Description = "A package, a checkpoint, a GGUF file, or a tokenizer's folder or file of any form.",
        };
        var input = new Option<string>("--input", "-i")
        {
            Description = "A JSON list of strings; '-' for standard input.",
            Required = true,
        };
        var plain = new Option<bool>("--no-special")
        {
            Description = "Add no tokens that begin or end a sequence.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "tokenize", "Show the token ids of texts. Example: slipway tokenize PACKAGE -i texts.json")
        {
            source, input, plain, json,
        };
        command.SetAction(result =>
        {
            var texts = InputFile.ReadTexts(context, result.GetRequiredValue(input));
            var tokenizer = TextSource.LoadTokenizer(result.GetRequiredValue(source), context);
            var list = new JsonArray();
            foreach (var text in texts)
            {
                var ids = tokenizer.Encode(text, addSpecialTokens: !result.GetValue(plain));
                var decoded = tokenizer.Decode(ids, skipSpecialTokens: false);
                if (!result.GetValue(json))
                {
                    context.Output.WriteLine(string.Join(' ', ids));
                }

                list.Add((JsonNode)new JsonObject
                {
                    ["ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
                    ["decoded"] = decoded,
                });
            }

            if (result.GetValue(json))
            {
                context.WriteJson(list);
            }

            return 0;
        });
        return command;
    }
}
