using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.LanguageModels.Packages;

/// <summary>The tokenizer's files, as they go into a package.</summary>
internal sealed class TextFolder
{
    private const string TokenizerFile = "tokenizer.json", ConfigFile = "tokenizer_config.json";
    private const string TemplateFile = "chat_template.jinja";
    private readonly string _path;
    private readonly LanguageModelExportOptions _options;
    private readonly TokenizerConfig _config;
    private readonly byte[] _tokenizer;

    private TextFolder(string path, LanguageModelExportOptions options)
    {
        (_path, _options) = (path, options);
        Tokenizer = HuggingFaceTokenizer.Load(path);
        _tokenizer = HuggingFaceTokenizer.ToJson(path, out _);
        _config = TokenizerConfig.Read(path, Read);
        if (options.EndToken is { } end)
        {
            EndTokenId = Tokenizer.TokenToId(end) ?? throw new ArgumentException(
                $"The tokenizer has no token '{end}', which 'EndToken' names.", nameof(options));
        }
        else
        {
            EndTokenId = _config.EndTokenId;
        }
    }

    /// <summary>The tokenizer.</summary>
    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>The token that ends an answer; null where none is named.</summary>
    public int? EndTokenId { get; }

    /// <summary>Tells whether there is a chat template.</summary>
    public bool HasTemplate => _options.ChatTemplate is not null || _config.ChatTemplate(withTools: false) is not null;

    /// <summary>Opens the folder of a tokenizer of any form, or its <c>tokenizer.json</c>.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static TextFolder Open(string tokenizer, LanguageModelExportOptions options)
    {
        var folder = Path.GetFileName(tokenizer) == TokenizerFile ? Path.GetDirectoryName(Path.GetFullPath(tokenizer))!
            : tokenizer;
        return HuggingFaceTokenizer.Exists(folder) && Directory.Exists(folder) ? new TextFolder(folder, options)
            : throw new FileNotFoundException(
                $"'{folder}' holds no tokenizer; expected one of {HuggingFaceTokenizer.FileNames}. "
                + "Give the folder that the tokenizer was saved in.", tokenizer);
    }

    /// <summary>Writes the files.</summary>
    public void Write(PackageWriter package)
    {
        foreach (var name in TextFiles.NamesIn(_path))
        {
            var content = name == TemplateFile && _options.ChatTemplate is { } template
                ? Encoding.UTF8.GetBytes(template)
                : name == ConfigFile && _options.EndToken is { } end ? WithEnd(end) : Read(name);
            if (content is not null)
            {
                package.Write(name, content);
            }
        }
    }

    private byte[] WithEnd(string end)
    {
        var config = Read(ConfigFile) is { } content ? JsonNode.Parse(content) as JsonObject ?? [] : [];
        config["eos_token"] = end;
        return JsonSerializer.SerializeToUtf8Bytes<JsonNode>(config, JsonSerializerOptions.Default);
    }

    private byte[]? Read(string name)
        => name == TokenizerFile ? _tokenizer
            : File.Exists(Path.Combine(_path, name)) ? File.ReadAllBytes(Path.Combine(_path, name)) : null;
}
