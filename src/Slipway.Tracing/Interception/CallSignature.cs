using System.Reflection;

namespace Slipway.Tracing.Interception;

/// <summary>Types that a call takes from the evaluation stack, and the type that it leaves there.</summary>
/// <param name="Parameters">The object first where there is one.</param>
/// <param name="Result"><see cref="void"/> where nothing is left.</param>
internal sealed record CallSignature(IReadOnlyList<Type> Parameters, Type Result)
{
    /// <summary>A method's copy: the object is <see cref="object"/>, or a reference to a structure.</summary>
    public static CallSignature OfCopy(MethodBase method)
    {
        var self = method.IsStatic ? null
            : method.DeclaringType!.IsValueType ? method.DeclaringType.MakeByRefType() : typeof(object);
        return new([.. Self(self), .. Types(method)], (method as MethodInfo)?.ReturnType ?? typeof(void));
    }

    /// <summary>A call's stub: an object is <see cref="object"/>, a structure a reference to it.</summary>
    public static CallSignature OfCall(CallSite site)
    {
        var callee = site.Callee;
        if (site.IsConstruction)
        {
            return new(Types(callee), callee.DeclaringType!);
        }

        var self = callee.IsStatic ? null
            : site.Constraint is { } constraint ? constraint.MakeByRefType()
            : callee.DeclaringType!.IsValueType ? callee.DeclaringType.MakeByRefType()
            : typeof(object);
        return new([.. Self(self), .. Types(callee)], (callee as MethodInfo)?.ReturnType ?? typeof(void));
    }

    private static Type[] Self(Type? self) => self is null ? [] : [self];

    private static Type[] Types(MethodBase method)
        => [.. method.GetParameters().Select(parameter => parameter.ParameterType)];
}
