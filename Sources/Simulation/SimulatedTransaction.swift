/// What a simulated transaction really is, which no scorer is told.
public enum Scenario: UInt8, CaseIterable, Sendable {
    /// Nothing is wrong.
    case ordinary
    /// A stolen card is tried with small amounts, then used for large ones.
    case cardTesting
    /// Somebody else logs in, from a new device and country, and sends the money to strangers.
    case accountTakeover
    /// A merchant's terminal is used for weeks to charge cards that were not there.
    case compromisedMerchant
    /// A card's number has leaked: for two weeks others shop with it, at several times the usual amounts.
    case leakedCard
    /// One purchase far above everything that the customer does.
    case largeAmount
    /// An account collects from many and passes it on within hours.
    case mule
    /// The typologies of laundering, each as `docs/reference/typologies.md` has it.
    case structuring, smurfing, fanIn, fanOut, gatherScatter, scatterGather, cycle, bipartite, stack, passThrough, layering
    case dormantReactivated, newAccountLarge, roundAmounts, highRiskGeography, rapidMovement
    /// Legitimate, and like laundering: a company pays its staff, customers pay a marketplace, flatmates one of them, a family each other, a buyer a house.
    case salaryRun, marketplace, sharedRent, familyCycle, houseDeposit

    public enum Kind: UInt8, Sendable { case legitimate, fraud, laundering }

    public var kind: Kind {
        switch self {
        case .ordinary, .salaryRun, .marketplace, .sharedRent, .familyCycle, .houseDeposit: .legitimate
        case .cardTesting, .accountTakeover, .compromisedMerchant, .leakedCard, .largeAmount: .fraud
        default: .laundering
        }
    }

    /// The name in label files.
    public var name: StaticString {
        switch self {
        case .ordinary: "ordinary"
        case .cardTesting: "card_testing"
        case .accountTakeover: "account_takeover"
        case .compromisedMerchant: "compromised_merchant"
        case .leakedCard: "leaked_card"
        case .largeAmount: "large_amount"
        case .mule: "mule"
        case .structuring: "structuring"
        case .smurfing: "smurfing"
        case .fanIn: "fan_in"
        case .fanOut: "fan_out"
        case .gatherScatter: "gather_scatter"
        case .scatterGather: "scatter_gather"
        case .cycle: "cycle"
        case .bipartite: "bipartite"
        case .stack: "stack"
        case .passThrough: "pass_through"
        case .layering: "layering"
        case .dormantReactivated: "dormant_reactivated"
        case .newAccountLarge: "new_account_large"
        case .roundAmounts: "round_amounts"
        case .highRiskGeography: "high_risk_geography"
        case .rapidMovement: "rapid_movement"
        case .salaryRun: "salary_run"
        case .marketplace: "marketplace"
        case .sharedRent: "shared_rent"
        case .familyCycle: "family_cycle"
        case .houseDeposit: "house_deposit"
        }
    }
}

/// The types of the contract's transactions.
public enum SimulatedType: UInt8, CaseIterable, Sendable {
    case purchase, transfer, cashIn, cashOut, payment, refund

    public var name: StaticString {
        switch self {
        case .purchase: "purchase"
        case .transfer: "transfer"
        case .cashIn: "cash_in"
        case .cashOut: "cash_out"
        case .payment: "payment"
        case .refund: "refund"
        }
    }
}

public enum SimulatedChannel: UInt8, CaseIterable, Sendable {
    case online, pos, atm, mobile, branch

    public var name: StaticString {
        switch self {
        case .online: "online"
        case .pos: "pos"
        case .atm: "atm"
        case .mobile: "mobile"
        case .branch: "branch"
        }
    }
}

/// Somebody with an account: a customer of the bank (`A-…`), an employer (`E-…`), or a company that sends bills (`B-…`).
public struct Party: Equatable, Hashable, Sendable {
    public enum Kind: UInt8, Sendable { case none, customer, employer, biller }
    public var kind: Kind
    public var number: UInt32

    public static let none = Party(kind: .none, number: 0)

    public init(kind: Kind, number: UInt32) {
        self.kind = kind
        self.number = number
    }

    static func customer(_ index: Int) -> Party { Party(kind: .customer, number: UInt32(index)) }
}

/// One simulated transaction in numbers; `TransactionWriter` gives it its texts.
public struct SimulatedTransaction: Sendable {
    /// Counts from 1 in the order of creation; a duplicate has its original's.
    public var number: UInt64 = 0
    /// Event time, Unix epoch milliseconds.
    public var time: Int64
    /// Hundredths of a unit of `currency`'s money, whatever its digits.
    public var amount: Int64
    public var type: SimulatedType
    public var channel: SimulatedChannel
    public var account: Party
    /// `.none` where there is none.
    public var counterparty = Party.none
    /// Index in the world's merchants; −1 where there is none.
    public var merchant: Int32 = -1
    /// Index in the world's categories; −1 without a merchant.
    public var category: Int8 = -1
    /// Indices in the world's countries; −1 where absent. `currency` is that of a country.
    public var country: Int8
    public var counterpartyCountry: Int8 = -1
    public var currency: Int8 = 0
    /// What identifies card, device and address; 0 where there is none.
    public var card: UInt64 = 0
    public var device: UInt64 = 0
    public var ip: UInt64 = 0
    /// When the account was opened, Unix epoch milliseconds; `Int64.min` for parties that are not customers.
    public var accountOpenedAt = Int64.min
    public var scenario = Scenario.ordinary
    /// Numbers the incidents from 1; 0 for what is ordinary.
    public var incident: UInt32 = 0
}
