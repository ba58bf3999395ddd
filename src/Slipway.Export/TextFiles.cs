using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Slipway.Checkpoints;
using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>The files of a checkpoint that a package takes over: tokenizer, chat template, generation.</summary>
internal static class TextFiles
{
    private const string TemplateFolder = "additional_chat_templates";

    private static readonly string[] Names =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
         "chat_template.jinja", "chat_template.json", "generation_config.json"];

    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false };

    /// <summary>Refuses files that are cut or no JSON, before the weights take their time.</summary>
    /// <exception cref="CheckpointException">A file is no JSON object.</exception>
    public static void Check(Checkpoint checkpoint)
    {
        foreach (var name in Names.Where(name => name.EndsWith(".json", StringComparison.Ordinal)))
        {
            if (checkpoint.ReadFile(name) is { } content)
            {
                Require(checkpoint, name, () => Walk(content));
            }
        }
    }

    /// <summary>Writes the files that are there into the package.</summary>
    public static void Copy(Checkpoint checkpoint, PackageWriter writer) =>
        Copy(checkpoint, writer, NamesIn(
            Directory.Exists(checkpoint.Path) ? checkpoint.Path
                : Path.GetDirectoryName(Path.GetFullPath(checkpoint.Path))!));

    /// <summary>Writes files that lie beside the checkpoint into the package, those that are there.</summary>
    public static void Copy(Checkpoint checkpoint, PackageWriter writer, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            if (checkpoint.ReadFile(name) is { } content)
            {
                writer.Write(name, content);
            }
        }
    }

    /// <summary>The names that the files may have in a folder; templates go by names of their own, such as
    /// tool_use.jinja and rag.jinja.</summary>
    public static IReadOnlyList<string> NamesIn(string folder)
    {
        var templates = Path.Combine(folder, TemplateFolder);
        return !Directory.Exists(templates) ? Names :
        [
            .. Names, .. Directory.EnumerateFiles(templates, "*.jinja")
                .Select(file => $"{TemplateFolder}/{Path.GetFileName(file)}").Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Reads a file as a JSON object; an empty one where the file is absent.</summary>
    /// <exception cref="CheckpointException">The file is no JSON object.</exception>
    public static JsonObject Parse(Checkpoint checkpoint, string name)
    {
        JsonObject? json = null;
        if (checkpoint.ReadFile(name) is { } content)
        {
            Require(checkpoint, name, () => json =
                JsonNode.Parse(Plain(content), documentOptions: Options) as JsonObject
                ?? throw new JsonException("expected an object."));
        }

        return json ?? [];
    }

    private static void Require(Checkpoint checkpoint, string name, Action read)
    {
        try
        {
            read();
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(
                $"'{name}' of '{checkpoint.Path}' is not valid JSON: {exception.Message} Fetch it again or delete it.",
                checkpoint.Path, innerException: exception);
        }
    }

    private static void Walk(byte[] content)
    {
        Utf8JsonReader reader = new(Plain(content));
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("expected an object.");
        }

        while (reader.Read())
        {
        }
    }

    // Without the mark that some editors put before UTF-8.
    private static ReadOnlySpan<byte> Plain(byte[] content) =>
        !Utf8.IsValid(content) ? throw new JsonException("expected UTF-8.")
        : content.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? content.AsSpan(3) : content;
}
