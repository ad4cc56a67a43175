using System.Runtime.CompilerServices;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>
/// Settles what every name of a template refers to, and refuses what is wrong whatever the variables are: unknown filters and tests (unless a condition
/// guards them), <c>break</c> outside of a loop, two blocks of one name.
/// </summary>
internal sealed class Binder
{
    private readonly Dictionary<string, BlockStatement> _blocks = new(StringComparer.Ordinal);

    public static BoundTemplate Bind(IReadOnlyList<Statement> body)
    {
        var binder = new Binder();
        var layout = new FunctionLayout(null);
        var scope = new Scope(null, layout);
        Variable? self = NameUsage.Reads(body, "self") ? scope.Declare("self") : null;
        ScopeAnalysis.Visit(scope, body);
        binder.BindAll(body, new Context(scope, IsTopLevel: true));
        binder.BindBlocks(body);
        return new BoundTemplate(body, layout, scope.ToEntry(), self is null ? null : scope.Reference(self), binder._blocks);
    }

    private void BindBlocks(IReadOnlyList<Statement> body)
    {
        foreach (BlockStatement block in NameUsage.Blocks(body))
        {
            if (!_blocks.TryAdd(block.Name, block))
            {
                throw new TemplateSyntaxException($"block '{block.Name}' defined twice", block.Line);
            }

            block.Layout = new FunctionLayout(null);
            var scope = new Scope(null, block.Layout);
            block.Self = NameUsage.Reads(block.Body, "self") ? scope.Reference(scope.Declare("self")) : null;
            block.Super = NameUsage.Reads(block.Body, "super") ? scope.Reference(scope.Declare("super")) : null;
            ScopeAnalysis.Visit(scope, block.Body);
            BindAll(block.Body, new Context(scope));
            block.Entry = scope.ToEntry();
        }
    }

    private void BindAll(IReadOnlyList<Statement> statements, Context context)
    {
        foreach (Statement statement in statements)
        {
            BindStatement(statement, context);
        }
    }

    private void BindStatement(Statement statement, Context context)
    {
        switch (statement)
        {
            case AssignStatement assign:
                BindExpressions(assign, context);
                assign.IsExported = context.IsTopLevel;
                break;
            case AssignBlockStatement block:
                BindAssignBlock(block, context);
                break;
            case IfStatement condition:
                Context soft = context with { IsSoft = true };
                foreach ((Expression test, IReadOnlyList<Statement> body) in condition.Branches)
                {
                    BindExpressions(test, soft);
                    BindAll(body, soft);
                }

                BindAll(condition.Otherwise, soft);
                break;
            case ForStatement loop:
                BindLoop(loop, context);
                break;
            case WithStatement with:
                BindWith(with, context);
                break;
            case AutoEscapeStatement escape:
                Scope escapeScope = Inner(context, [escape.IsOn, .. escape.Body]);
                BindExpressions(escape.IsOn, context with { Scope = escapeScope });
                BindAll(escape.Body, context.Into(escapeScope));
                escape.Entry = escapeScope.ToEntry();
                break;
            case FilterBlockStatement filter:
                Scope filterScope = Inner(context, filter.Children);
                BindExpressions(filter.Filter, context.Into(filterScope));
                BindAll(filter.Body, context.Into(filterScope));
                filter.Entry = filterScope.ToEntry();
                break;
            case MacroStatement macro:
                BindMacro(macro.Definition, context);
                BindTarget(macro.Target, context);
                macro.IsExported = context.IsTopLevel;
                break;
            case CallBlockStatement call:
                BindMacro(call.Caller, context);
                BindExpressions(call.Call, context);
                break;
            case GenerationStatement generation:
                BindMacro(generation.Body, context);
                break;
            case BlockStatement { IsScoped: true } block:
                block.Captured = [.. context.Scope.VisibleStores().Select(s => (s.Name, context.Scope.Reference(s.Variable)))];
                break;
            case BlockStatement:
                break;
            case BreakStatement when !context.IsInLoop:
                throw new TemplateSyntaxException("'break' and 'continue' are allowed only in a loop", statement.Line);
            case LoadStatement { IsExtends: true } when !context.IsTopLevel:
                throw new TemplateSyntaxException("cannot use extend from a non top-level scope", statement.Line);
            default:
                BindExpressions(statement, context);
                break;
        }
    }

    private void BindAssignBlock(AssignBlockStatement block, Context context)
    {
        Scope scope = Inner(context, block.Filter is null ? block.Body : [.. block.Body, block.Filter]);
        BindAll(block.Body, context.Into(scope));
        if (block.Filter is not null)
        {
            BindExpressions(block.Filter, context.Into(scope));
        }

        BindTarget(block.Target, context);
        block.Entry = scope.ToEntry();
        block.IsExported = context.IsTopLevel;
    }

    private void BindLoop(ForStatement loop, Context context)
    {
        if (NameUsage.AssignmentOf(loop, "loop") is { } assignment)
        {
            throw new TemplateSyntaxException("Can't assign to special loop variable in for-loop target", assignment.Line);
        }

        BindExpressions(loop.Iterable, context);
        FunctionLayout function = loop.IsRecursive ? new FunctionLayout(context.Scope.Function) : context.Scope.Function;
        var bodyScope = new Scope(context.Scope, function);
        bool usesLoop = loop.IsRecursive || NameUsage.Reads(loop.Body, "loop") || NameUsage.Blocks(loop.Body).Any(b => b.IsScoped);
        Variable? loopVariable = usesLoop ? bodyScope.Declare("loop") : null;
        Declare(bodyScope, loop.Target);
        ScopeAnalysis.Visit(bodyScope, loop.Body);

        var otherwiseScope = new Scope(context.Scope, function);
        ScopeAnalysis.Visit(otherwiseScope, loop.Otherwise);
        if (loop.Test is not null)
        {
            BindLoopTest(loop, context);
        }

        BindTarget(loop.Target, context.Into(bodyScope));
        BindAll(loop.Body, context.Into(bodyScope) with { IsInLoop = true });
        BindAll(loop.Otherwise, context.Into(otherwiseScope) with { IsInLoop = context.IsInLoop && !loop.IsRecursive });
        loop.BodyLayout = loop.IsRecursive ? function : null;
        loop.BodyEntry = bodyScope.ToEntry();
        loop.OtherwiseEntry = otherwiseScope.ToEntry();
        loop.Loop = loopVariable is null ? null : bodyScope.Reference(loopVariable);
    }

    private void BindLoopTest(ForStatement loop, Context context)
    {
        loop.TestLayout = new FunctionLayout(context.Scope.Function);
        var scope = new Scope(context.Scope, loop.TestLayout);
        loop.TestTarget = Copy(loop.Target);
        Declare(scope, loop.TestTarget);
        ScopeAnalysis.Visit(scope, [loop.Test!]);
        BindTarget(loop.TestTarget, context.Into(scope));
        BindExpressions(loop.Test!, context.Into(scope));
        loop.TestEntry = scope.ToEntry();
    }

    private static AssignmentTarget Copy(AssignmentTarget target) => target is NameTarget name
        ? new NameTarget(name.Name, name.Line)
        : new TupleTarget([.. target.Children.Cast<AssignmentTarget>().Select(Copy)], target.Line);

    private void BindWith(WithStatement with, Context context)
    {
        var scope = new Scope(context.Scope, context.Scope.Function);
        foreach ((AssignmentTarget target, _) in with.Assignments)
        {
            Declare(scope, target);
        }

        ScopeAnalysis.Visit(scope, with.Body);
        foreach ((AssignmentTarget target, Expression value) in with.Assignments)
        {
            BindTarget(target, context.Into(scope));
            BindExpressions(value, context);
        }

        BindAll(with.Body, context.Into(scope));
        with.Entry = scope.ToEntry();
    }

    private void BindMacro(MacroDefinition macro, Context context)
    {
        macro.Layout = new FunctionLayout(context.Scope.Function);
        var scope = new Scope(context.Scope, macro.Layout);
        foreach (NameTarget parameter in macro.Parameters)
        {
            scope.Declare(parameter.Name);
        }

        // The special variables are parameters before the names of the body are settled.
        macro.Caller = Special(macro, scope, "caller");
        macro.Keywords = Special(macro, scope, "kwargs");
        macro.Varargs = Special(macro, scope, "varargs");
        ScopeAnalysis.Visit(scope, [.. macro.Defaults, .. macro.Body]);
        Context inner = context.Into(scope) with { IsInLoop = false };
        foreach (NameTarget parameter in macro.Parameters)
        {
            BindTarget(parameter, inner);
        }

        foreach (Expression value in macro.Defaults)
        {
            BindExpressions(value, inner);
        }

        BindAll(macro.Body, inner);
        macro.Entry = scope.ToEntry();
    }

    private static VariableReference? Special(MacroDefinition macro, Scope scope, string name)
    {
        int declared = macro.Parameters.ToList().FindIndex(p => p.Name == name);
        if (declared < 0)
        {
            return NameUsage.Reads(macro.Body, name) ? scope.Reference(scope.Declare(name)) : null;
        }

        bool hasDefault = declared >= macro.Parameters.Count - macro.Defaults.Count;
        return name != "caller" || hasDefault || !NameUsage.Reads(macro.Body, name)
            ? null
            : throw new TemplateSyntaxException(
                "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.", macro.Parameters[declared].Line);
    }

    private static void Declare(Scope scope, AssignmentTarget target)
    {
        foreach (NameTarget name in target.Names)
        {
            scope.Declare(name.Name);
        }
    }

    private static Scope Inner(Context context, IEnumerable<Node> nodes)
    {
        var scope = new Scope(context.Scope, context.Scope.Function);
        ScopeAnalysis.Visit(scope, nodes);
        return scope;
    }

    private void BindTarget(AssignmentTarget target, Context context)
    {
        foreach (NameTarget name in target.Names)
        {
            name.Variable = context.Scope.Reference(context.Scope.Find(name.Name)!);
        }

        foreach (NamespaceTarget space in target.Namespaces)
        {
            BindExpressions(space.Target, context);
        }
    }

    /// <summary>Binds the names of an expression, or of the expressions directly in a statement.</summary>
    private void BindExpressions(Node node, Context context)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateLimitException($"The template's syntax is nested too deeply at line {node.Line}.");
        }

        switch (node)
        {
            case NameExpression name:
                name.Variable = context.Scope.Reference(context.Scope.Find(name.Name)!);
                return;
            case AssignmentTarget target:
                BindTarget(target, context);
                return;
            case FilterExpression filter when !context.IsSoft && !Filters.Exists(filter.Name):
                throw new TemplateSyntaxException($"No filter named '{filter.Name}'.", node.Line);
            case TestExpression test when !context.IsSoft && !Tests.Exists(test.Name):
                throw new TemplateSyntaxException($"No test named '{test.Name}'.", node.Line);
            case ConditionalExpression:
                context = context with { IsSoft = true };
                break;
            default:
                break;
        }

        foreach (Node child in node.Children)
        {
            BindExpressions(child, context);
        }
    }

    /// <summary>Where a node stands. Conditions are "soft": an unknown filter in them counts only when it is reached.</summary>
    private readonly record struct Context(Scope Scope, bool IsTopLevel = false, bool IsSoft = false, bool IsInLoop = false)
    {
        public Context Into(Scope scope) => new(scope, IsInLoop: IsInLoop);
    }
}

/// <summary>A template ready to run.</summary>
internal sealed record BoundTemplate(
    IReadOnlyList<Statement> Body, FunctionLayout Layout, ScopeEntry Entry, VariableReference? Self, IReadOnlyDictionary<string, BlockStatement> Blocks);
