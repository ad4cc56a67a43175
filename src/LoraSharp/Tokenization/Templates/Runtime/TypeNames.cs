using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's names of the types of values, for messages.</summary>
internal static class TypeNames
{
    public static string Of(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        Markup => "Markup",
        JinjaList => "list",
        JinjaTuple => "tuple",
        JinjaDict => "dict",
        JinjaRange => "range",
        JinjaBytes => "bytes",
        DictView view => view.TypeName,
        Generator generator => generator.TypeName,
        Undefined => "Undefined",
        Namespace => "Namespace",
        LoopContext => "LoopContext",
        Macro => "Macro",
        Callable => "builtin_function_or_method",
        _ => value.GetType().Name,
    };
}
