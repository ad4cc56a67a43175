using System.Runtime.CompilerServices;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>Finds the names that nodes read and assign in a scope. Inner scopes are not entered: they are analysed on their own, later.</summary>
internal static class ScopeAnalysis
{
    public static void Visit(Scope scope, IEnumerable<Node> nodes)
    {
        foreach (Node node in nodes)
        {
            Visit(scope, node);
        }
    }

    private static void Visit(Scope scope, Node node)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateLimitException($"The template's syntax is nested too deeply at line {node.Line}.");
        }

        switch (node)
        {
            case NameExpression name:
                scope.Read(name.Name);
                break;
            case NameTarget target:
                scope.Store(target.Name);
                break;
            case AssignStatement assign:
                // The value is computed before the name has it.
                Visit(scope, assign.Value);
                Visit(scope, assign.Target);
                break;
            case IfStatement condition:
                VisitBranches(scope, condition);
                break;
            case MacroStatement macro:
                scope.Store(macro.Target.Name);
                break;
            case ForStatement loop:
                Visit(scope, loop.Iterable);
                break;
            case CallBlockStatement call:
                Visit(scope, call.Call);
                break;
            case FilterBlockStatement filter:
                Visit(scope, filter.Filter);
                break;
            case WithStatement with:
                Visit(scope, with.Assignments.Select(a => a.Value));
                break;
            case AssignBlockStatement block:
                Visit(scope, block.Target);
                break;
            case AutoEscapeStatement or BlockStatement or GenerationStatement:
                break;
            default:
                Visit(scope, node.Children);
                break;
        }
    }

    private static void VisitBranches(Scope scope, IfStatement condition)
    {
        Visit(scope, condition.Branches[0].Test);
        var before = new HashSet<string>(scope.Stores, StringComparer.Ordinal);
        for (int i = 0; i < condition.Branches.Count; i++)
        {
            if (i > 0)
            {
                Visit(scope, condition.Branches[i].Test);
            }

            Visit(scope, condition.Branches[i].Body);
        }

        Visit(scope, condition.Otherwise);
        scope.MergeBranches(before);
    }
}

/// <summary>Searches whole subtrees, inner scopes included.</summary>
internal static class NameUsage
{
    /// <summary>Whether a name is read before it is assigned, in the order in which the nodes stand; blocks are not entered.</summary>
    public static bool Reads(IEnumerable<Node> nodes, string name)
    {
        foreach (Node node in Descendants(nodes, intoBlocks: false))
        {
            if (node is NameExpression read && read.Name == name)
            {
                return true;
            }

            if (node is NameTarget target && target.Name == name)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>A statement below a node that assigns a name (as a parameter it may have any).</summary>
    public static Node? AssignmentOf(Node node, string name) => Descendants([node], intoBlocks: true).FirstOrDefault(n => n switch
    {
        AssignStatement assign => assign.Target.Names.Any(t => t.Name == name),
        AssignBlockStatement block => block.Target.Names.Any(t => t.Name == name),
        ForStatement loop => loop.Target.Names.Any(t => t.Name == name),
        _ => false,
    });

    public static IEnumerable<BlockStatement> Blocks(IEnumerable<Node> nodes) => Descendants(nodes, intoBlocks: true).OfType<BlockStatement>();

    /// <summary>All nodes in preorder, without recursion, as trees may be deep.</summary>
    private static IEnumerable<Node> Descendants(IEnumerable<Node> nodes, bool intoBlocks)
    {
        var stack = new Stack<Node>(nodes.Reverse());
        while (stack.TryPop(out Node? node))
        {
            yield return node;
            if (intoBlocks || node is not BlockStatement)
            {
                foreach (Node child in node.Children.Reverse())
                {
                    stack.Push(child);
                }
            }
        }
    }
}
