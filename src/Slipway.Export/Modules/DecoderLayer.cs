using Slipway.Export.Architectures;
using Slipway.Export.Configuration;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Modules;

/// <summary>A layer that is being built, and what it is built from.</summary>
internal sealed record DecoderLayer(
    ModuleScope Scope, int Index, DecoderSizes Sizes, DecoderInputs Inputs, RotaryTable? Rotary)
{
    public ConfigReader Config => Scope.Config;

    public ModuleScope this[string name] => Scope[name];
}
