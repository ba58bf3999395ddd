using System.Reflection;
using System.Reflection.Emit;

namespace Slipway.Tracing.Interception;

/// <summary>A place in a method that calls another.</summary>
/// <param name="Caller">The method with the instruction.</param>
/// <param name="Offset">The instruction's first byte.</param>
/// <param name="Callee">The method that it names.</param>
/// <param name="Code">The instruction: <c>call</c>, <c>callvirt</c> or <c>newobj</c>.</param>
/// <param name="Constraint">The type that <c>constrained.</c> names, or null.</param>
internal sealed record CallSite(MethodBase Caller, int Offset, MethodBase Callee, OpCode Code, Type? Constraint)
{
    /// <summary>Tells whether the instruction makes an object.</summary>
    public bool IsConstruction => Code == OpCodes.Newobj;

    /// <summary>Tells whether the object's type decides which method runs.</summary>
    public bool IsVirtual => (Code == OpCodes.Callvirt || Constraint is not null)
        && Callee is { IsVirtual: true, IsFinal: false };
}
