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

    private PackageTemplates(ModelPackage package, string? overriding)
    {
        _config = TokenizerConfig.Read(package.Path, package.ReadFile);
        var plain = overriding ?? _config.ChatTemplate(withTools: false);
        var tools = overriding ?? _config.ChatTemplate(withTools: true);
        _default = plain is null ? null : ChatTemplate.Parse(plain);
        _withTools = tools is null ? null : tools == plain ? _default : ChatTemplate.Parse(tools);
    }

    /// <summary>Reads the templates of a package.</summary>
    /// <param name="package">The package.</param>
    /// <param name="overriding">The source of a template to use in place of the package's own; null for those.</param>
    /// <exception cref="PackageException">A file is malformed.</exception>
    /// <exception cref="ChatTemplateException">A template is not valid.</exception>
    public static PackageTemplates Read(ModelPackage package, string? overriding = null) => new(package, overriding);

    /// <summary>The template that a request uses; null where the package has none.</summary>
    public ChatTemplate? Template(bool withTools) => withTools ? _withTools : _default;

    /// <summary>The sources of the templates.</summary>
    public IEnumerable<string> Sources
        => new[] { _default, _withTools }.OfType<ChatTemplate>().Select(template => template.Source).Distinct();

    /// <summary>Gives a template the special tokens by their names.</summary>
    public void AddTo(JsonObject variables) => _config.AddTo(variables);

    /// <summary>Renders a conversation.</summary>
    public string Render(
        JsonObject variables, bool withTools, TimeProvider time, CancellationToken cancellationToken)
    {
        _config.AddTo(variables);
        return Template(withTools)!.Render(variables, time.GetLocalNow(), time.LocalTimeZone, cancellationToken);
    }
}
