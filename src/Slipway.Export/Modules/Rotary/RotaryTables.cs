using Slipway.Export.Configuration;

namespace Slipway.Export.Modules.Rotary;

/// <summary>The rotary tables of a model; layers that turn alike share one.</summary>
internal sealed class RotaryTables(ModuleScope scope, DecoderInputs inputs)
{
    /// <summary>The configuration that frequencies are read from.</summary>
    public ConfigReader Config => scope.Config;

    private readonly Dictionary<string, RotaryTable> _tables = new(StringComparer.Ordinal);

    /// <summary>The table of a name, written when it is first asked for.</summary>
    /// <param name="name">The name; empty for the only one.</param>
    /// <param name="read">Reads its frequencies from the configuration.</param>
    public RotaryTable Get(string name, Func<ConfigReader, RotaryScaling> read)
    {
        if (!_tables.TryGetValue(name, out var table))
        {
            var scaling = read(scope.Config);
            var place = name.Length == 0 ? scope : scope[name];
            table = scaling.Beyond is { } beyond
                ? RotaryTable.WriteBoth(place, scaling, scaling.Length, beyond, inputs)
                : RotaryTable.Write(place, scaling.Frequencies, scaling.Factor);
            _tables.Add(name, table);
        }

        return table;
    }
}
