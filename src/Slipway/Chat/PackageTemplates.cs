using System.Text.Json.Nodes;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Holds a package's chat templates and the special tokens that they name. Immutable.</summary>
internal sealed class PackageTemplates
{
    private readonly TokenizerConfig _config;
    private readonly ChatTemplate? _default;
    private readonly ChatTemplate? _withTools;

    private PackageTemplates(ModelPackage package)
    {
        _config = TokenizerConfig.Read(package.Path, package.ReadFile);
        var (plain, tools) = (_config.ChatTemplate(withTools: false), _config.ChatTemplate(withTools: true));
        _default = plain is null ? null : ChatTemplate.Parse(plain);
        _withTools = tools is null ? null : tools == plain ? _default : ChatTemplate.Parse(tools);
    }

    /// <summary>Reads the templates of a package.</summary>
    /// <exception cref="PackageException">A file is malformed.</exception>
    public static PackageTemplates Read(ModelPackage package) => new(package);

    /// <summary>The template that a request uses; null where the package has none.</summary>
    public ChatTemplate? Template(bool withTools) => withTools ? _withTools : _default;

    /// <summary>The source of the template that a request uses; null where the package has none.</summary>
    public string? Source(bool withTools) => Template(withTools)?.Source;

    /// <summary>Renders a conversation.</summary>
    public string Render(JsonObject variables, TimeProvider time, CancellationToken cancellationToken)
    {
        _config.AddTo(variables);
        return Template(variables.ContainsKey("tools"))!.Render(
            variables, time.GetLocalNow(), time.LocalTimeZone, cancellationToken);
    }
}
