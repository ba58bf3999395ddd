using System.Reflection;

namespace Slipway.Tracing.Interception;

/// <summary>Knows members of the framework that tell what is around a program: the clock, the machine, files.</summary>
/// <remarks>A graph keeps what they gave while the module was traced.</remarks>
internal static class FrozenReads
{
    private static readonly HashSet<Type> Surroundings =
        [typeof(Environment), typeof(File), typeof(Directory), typeof(FileInfo)];

    private static readonly HashSet<string> Clocks = new(StringComparer.Ordinal)
    {
        "get_Now", "get_UtcNow", "get_Today", nameof(TimeProvider.GetUtcNow), nameof(TimeProvider.GetLocalNow),
    };

    /// <summary>Tells whether a member reads them.</summary>
    public static bool Contains(MethodBase method)
        => method.DeclaringType is { } type && method is MethodInfo { ReturnType: var result }
            && result != typeof(void) && method.Name is not ("get_NewLine" or "get_CurrentManagedThreadId")
            && (Surroundings.Contains(type) || (type.Namespace == nameof(System) && Clocks.Contains(method.Name)));

    /// <summary>The member as it is written.</summary>
    public static string NameOf(MethodBase method)
        => $"{method.DeclaringType!.Name}.{(method.IsSpecialName ? method.Name[4..] : method.Name)}";
}
