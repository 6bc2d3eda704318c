// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {AssetBound} from "./AssetBound.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {VaultConfig} from "./interfaces/IExchangeVault.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";
import {VaultCustody} from "./vault/VaultCustody.sol";
import {VaultMarkets} from "./vault/VaultMarkets.sol";
import {VaultRoles} from "./vault/VaultRoles.sol";
import {VaultSettlement} from "./vault/VaultSettlement.sol";

/// @title The exchange's custody and settlement
/// @notice `IExchangeVault` says what it does. Its parts, each of one idea: roles and escape (`VaultRoles`), balances (`VaultLedger`),
/// signatures and nonces (`VaultKeys`), deposits, withdrawals and exits (`VaultCustody`), markets and royalties (`VaultMarkets`),
/// fills (`VaultSettlement`).
contract ExchangeVault is VaultCustody, VaultSettlement {
    /// @param assets The asset registry.
    /// @param router Takes the royalties of trades.
    /// @param admin Lists tokens and markets, and appoints operator, co-signer and fee account.
    /// @param config The first of these, and the delays.
    constructor(IAssetRegistry assets, IRevenueRouter router, address admin, VaultConfig memory config)
        VaultRoles(admin, config)
        EIP712("Souk Exchange", "1")
        AssetBound(assets)
        VaultMarkets(router)
    {}
}
