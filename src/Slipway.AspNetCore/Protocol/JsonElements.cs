using System.Text.Json;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Asks what members that may have several forms hold.</summary>
internal static class JsonElements
{
    /// <summary>Tells whether a member is there; null is as good as absent.</summary>
    public static bool IsGiven(this JsonElement element)
        => element.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);
}
